"""Direct creator uploads by Cloudflare's Python SDK, and uploads by links as httpx sends them."""

from datetime import datetime, timedelta, timezone

import cloudflare
import httpx
from check import ACCOUNT, ORIGIN, PICTURE, TOKEN, done, holds, same
from cloudflare import Cloudflare

client = Cloudflare(api_token=TOKEN, base_url=f"{ORIGIN}/client/v4")
v1, v2 = client.images.v1, client.images.v2


def send(link):
    return httpx.post(link.upload_url, files={"file": ("mine.jpg", PICTURE)})


# Without options the SDK sends a form that is its closing boundary alone.
link = v2.direct_uploads.create(account_id=ACCOUNT)
same("a draft", v1.get(link.id, account_id=ACCOUNT).to_dict()["draft"], True)
answer = send(link)
same("uploaded", [answer.status_code, answer.json()["result"]["id"]], [200, link.id])
again = send(link)
same("a second time", again.status_code, 409)
holds("plain text", again.text.startswith("ERROR "))

soon = datetime.now(timezone.utc) + timedelta(minutes=10)
link = v2.direct_uploads.create(
    account_id=ACCOUNT,
    id="direct/py/ü.jpg",
    creator="user-1",
    expiry=soon,
    metadata={"order": {"n": "7"}},
    require_signed_urls=True,
)
same("a custom id", link.id, "direct/py/ü.jpg")
same("uploaded by it", send(link).status_code, 200)
image = v1.get(link.id, account_id=ACCOUNT)
settled = [image.meta, image.creator, image.require_signed_urls]
same("as was settled", settled, [{"order": {"n": "7"}}, "user-1", True])
same("private", httpx.get(image.variants[0]).status_code, 403)
same("deleted", v1.delete(link.id, account_id=ACCOUNT), {})

try:
    v2.direct_uploads.create(account_id=ACCOUNT, expiry=soon + timedelta(hours=6))
    holds("an expiry too far ahead is refused", False)
except cloudflare.BadRequestError as error:
    same("an expiry too far ahead: code", error.body["errors"][0]["code"], 5400)
done()
