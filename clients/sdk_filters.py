"""Metadata filters by Cloudflare's Python SDK."""

import cloudflare
from check import ACCOUNT, ORIGIN, PICTURE, TOKEN, done, holds, same
from cloudflare import Cloudflare

client = Cloudflare(api_token=TOKEN, base_url=f"{ORIGIN}/client/v4")
v1, v2 = client.images.v1, client.images.v2
IMAGES = {
    "a": {"status": "active", "priority": 1, "camera": {"mm": 35}, "on": True},
    "b": {"status": "active", "priority": 5, "camera": {"mm": 50}, "on": False},
    "c": {"status": "old", "priority": 9, "camera": {"mm": 85}, "on": True},
}


def found(meta):
    images = v2.list(account_id=ACCOUNT, sort_order="asc", meta=meta).images
    return "".join(image.id for image in images)


for id, metadata in IMAGES.items():
    v1.create(account_id=ACCOUNT, id=id, file=PICTURE)
    # By PATCH, since a form has texts alone.
    v1.edit(id, account_id=ACCOUNT, metadata=metadata)

for meta, expected in [
    ({"status[eq]": "active"}, "ab"),
    ({"priority[eq:number]": "5"}, "b"),
    ({"on[eq:boolean]": "true"}, "ac"),
    ({"priority[gt]": "1", "priority[lt]": "9"}, "b"),
    ({"priority[gte:number]": "5"}, "bc"),
    ({"priority[lte]": "5"}, "ab"),
    ({"status[in]": "active|old"}, "abc"),
    ({"priority[in:number]": "1|9"}, "ac"),
    ({"camera.mm[gte]": "50"}, "bc"),
    ({"status[eq]": "active", "on[eq:boolean]": "false"}, "b"),
    ({"status[eq]": "gone"}, ""),
]:
    same(f"meta {meta}", found(meta), expected)

try:
    found({"status[not-eq]": "x"})
    holds("an unknown operator is refused", False)
except cloudflare.BadRequestError as error:
    text = "Unsupported metadata filter operator: 'not-eq'"
    same("the operator is named", error.body["errors"][0]["message"], text)
done()
