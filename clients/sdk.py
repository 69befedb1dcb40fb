"""Cloudflare's Python SDK, with nothing changed but the base URL."""

import re
import urllib.error
import urllib.request
import warnings

import cloudflare
from check import ACCOUNT, HASH, ORIGIN, PICTURE, TOKEN, done, holds, same
from cloudflare import Cloudflare

# The list v1 is deprecated, and is tested none the less.
warnings.simplefilter("ignore", DeprecationWarning)

client = Cloudflare(api_token=TOKEN, base_url=f"{ORIGIN}/client/v4")
v1, v2 = client.images.v1, client.images.v2
# A second try of the SDK changes nothing here, and takes seconds.
once = client.with_options(max_retries=0).images.v1
NESTED = {"place": "Zürich", "tags": ["a", "b"], "camera": {"make": "x", "lens": {"mm": "50"}}}


def status(url):
    try:
        return urllib.request.urlopen(url).status
    except urllib.error.HTTPError as error:
        return error.code


def refused(what, call, error_class, code):
    """Ends the script unless the call fails as this class of the SDK, with this code."""
    try:
        call()
    except error_class as error:
        same(f"{what}: code", error.body["errors"][0]["code"], code)
    else:
        holds(f"{what} is refused", False)


def upload():
    plain = v1.create(account_id=ACCOUNT, file=PICTURE)
    holds("an id like a UUID", re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", plain.id))
    same("the file name that the SDK gives bytes", plain.filename, "upload")
    same("public unless asked", plain.require_signed_urls, False)
    same("no metadata", plain.meta, {})
    same("a moment with its zone", plain.uploaded.utcoffset().total_seconds(), 0)
    same("the URLs of its variants", plain.variants, [f"{ORIGIN}/{HASH}/{plain.id}/public"])
    same("it is delivered", status(plain.variants[0]), 200)
    rich = v1.create(
        account_id=ACCOUNT,
        id="sdk/py/ünï 50%.jpg",
        file=("photo.jpg", PICTURE, "image/jpeg"),
        metadata=NESTED,
        creator="user-1",
        require_signed_urls=True,
    )
    same("a custom id with slashes", rich.id, "sdk/py/ünï 50%.jpg")
    same("the file name", rich.filename, "photo.jpg")
    same("metadata that nests", rich.meta, NESTED)
    same("the creator", rich.creator, "user-1")
    same("private", rich.require_signed_urls, True)
    same("it needs a signature", status(rich.variants[0]), 403)
    return plain, rich


def details(plain, rich):
    same("get", v1.get(plain.id, account_id=ACCOUNT), plain)
    same("get by an id with slashes", v1.get(rich.id, account_id=ACCOUNT), rich)
    original = v1.blobs.get(rich.id, account_id=ACCOUNT)
    same("the type of the original", original.headers["content-type"], "image/jpeg")
    same("the bytes of the original", original.read(), PICTURE)

    def taken():
        once.create(account_id=ACCOUNT, id=rich.id, file=PICTURE)

    refused("an id that is taken", taken, cloudflare.ConflictError, 5409)
    missing = cloudflare.NotFoundError
    refused("an unknown image", lambda: v1.get("nothing/here", account_id=ACCOUNT), missing, 5404)
    stranger = Cloudflare(api_token="wrong", base_url=f"{ORIGIN}/client/v4").images
    wrong = cloudflare.AuthenticationError
    refused("a wrong token", lambda: stranger.v1.stats.get(account_id=ACCOUNT), wrong, 10000)

    def text():
        v1.create(account_id=ACCOUNT, file=("a.png", b"no picture", "image/png"))

    refused("content that is no image", text, cloudflare.APIStatusError, 5455)


def edit(rich):
    opened = v1.edit(rich.id, account_id=ACCOUNT, require_signed_urls=False)
    same("made public", opened.require_signed_urls, False)
    same("what was not named stays", [opened.meta, opened.creator], [rich.meta, rich.creator])
    same("delivered at once", status(opened.variants[0]), 200)
    changes = {"metadata": {"stars": 5, "kept": True}, "creator": "user-2"}
    changed = v1.edit(rich.id, account_id=ACCOUNT, **changes)
    same("metadata is replaced, and keeps its types", changed.meta, {"stars": 5, "kept": True})
    same("another creator", changed.creator, "user-2")


def lists(rich):
    for n in range(12):
        v1.create(account_id=ACCOUNT, id=f"page/{n}", file=PICTURE, creator="pager")
    pages = []
    for page in (1, 2, 3):
        # The SDK's own page looks for `result.items`, which Cloudflare does not send either.
        raw = v1.with_raw_response.list(account_id=ACCOUNT, page=page, per_page=10, creator="pager")
        pages.append([image["id"] for image in raw.json()["result"]["images"]])
    same("list v1: pages", [len(page) for page in pages], [10, 2, 0])
    same("list v1: newest first", sum(pages, []), [f"page/{n}" for n in reversed(range(12))])
    same("list v1: the SDK's own iteration ends", list(v1.list(account_id=ACCOUNT, per_page=10)), [])

    walked, token = [], None
    while True:
        more = {"continuation_token": token} if token else {}
        answer = v2.list(account_id=ACCOUNT, per_page=10, sort_order="asc", creator="pager", **more)
        walked.append([image.id for image in answer.images])
        token = answer.continuation_token
        if not token:
            break
    same("list v2: pages", [len(page) for page in walked], [10, 2])
    same("list v2: oldest first when asked", sum(walked, []), [f"page/{n}" for n in range(12)])
    # This SDK leaves an empty creator out of the query, so it cannot ask for images without one.
    same("list v2: an empty creator", len(v2.list(account_id=ACCOUNT, creator="").images), 14)
    same("list v2: newest first by default", v2.list(account_id=ACCOUNT).images[0].id, "page/11")
    mine = v2.list(account_id=ACCOUNT, creator="user-2").images
    same("list v2: by creator", [image.id for image in mine], [rich.id])
    count = v1.stats.get(account_id=ACCOUNT).count
    same("stats", count.current, 14)
    holds("stats: room for more", count.allowed > 14)


def variants(plain):
    options = {"fit": "cover", "metadata": "none", "width": 120, "height": 80}
    made = v1.variants.create(
        account_id=ACCOUNT, id="thumb", options=options, never_require_signed_urls=True
    ).variant
    same("a new variant", [made.id, made.never_require_signed_urls], ["thumb", True])
    same("its options", {name: getattr(made.options, name) for name in options}, options)
    raw = v1.variants.with_raw_response.list(account_id=ACCOUNT).json()["result"]["variants"]
    same("the list is a map", sorted(raw), ["public", "thumb"])
    found = v1.variants.get("thumb", account_id=ACCOUNT).variant
    same("one of it", found.to_dict(), raw["thumb"])
    image = v1.get(plain.id, account_id=ACCOUNT)
    holds("images name it", f"{ORIGIN}/{HASH}/{plain.id}/thumb" in image.variants)
    edited = v1.variants.edit("thumb", account_id=ACCOUNT, options={**options, "width": 60}).variant
    same("edited", edited.options.width, 60)
    same("the rest stays", edited.never_require_signed_urls, True)

    def named(name):
        return lambda: once.variants.create(account_id=ACCOUNT, id=name, options=options)

    refused("a name that is taken", named("thumb"), cloudflare.ConflictError, 5409)
    refused("a name that cannot be", named("no-dash"), cloudflare.BadRequestError, 5400)
    same("deleted", v1.variants.delete("thumb", account_id=ACCOUNT), {})
    same("its URLs too", status(f"{ORIGIN}/{HASH}/{plain.id}/thumb"), 403)


def keys():
    before = v1.keys.list(account_id=ACCOUNT).keys
    same("the first key", [key.name for key in before], ["default"])
    added = v1.keys.update("second", account_id=ACCOUNT).keys
    same("a second key", sorted(key.name for key in added), ["default", "second"])
    holds("with a value of its own", len({key.value for key in added}) == 2)
    left = v1.keys.delete("second", account_id=ACCOUNT).keys
    same("deleted", left, before)
    missing = cloudflare.NotFoundError
    refused("an unknown key", lambda: v1.keys.delete("third", account_id=ACCOUNT), missing, 5404)


def config():
    path = f"/accounts/{ACCOUNT}/images/v1/config"
    answer = client.patch(path, cast_to=object, body={"flexible_variants": True})
    same("config, by the SDK's raw verbs", answer["result"]["flexible_variants"], True)
    same("config, read back", client.get(path, cast_to=object)["result"]["flexible_variants"], True)


def deletion(*images):
    for image in images:
        same(f"delete {image.id}", v1.delete(image.id, account_id=ACCOUNT), {})

        def again():
            v1.delete(image.id, account_id=ACCOUNT)

        refused(f"{image.id} is gone", again, cloudflare.NotFoundError, 5404)


images = upload()
details(*images)
edit(images[1])
lists(images[1])
variants(images[0])
keys()
config()
deletion(*images)
done()
