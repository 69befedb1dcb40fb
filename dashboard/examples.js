// Code against the API, filled in for an account. Tokens and keys are placeholders: whoever copies the
// code puts their own in.

import { quoted } from "./links.js";

/** `about` is `{ api, own, account, hash, origin, delivery, image, path }`. */
export function curl({ api, own, image }) {
  const auth = '-H "Authorization: Bearer $TOKEN"';
  const body = JSON.stringify({ image, variant: "public", expires: Math.floor(Date.now() / 1000) + 86_400 });
  return [
    ["First, the token and the API", `TOKEN='…'\nAPI=${api}/images`],
    ["Upload a public image", `curl ${auth} -F file=@photo.jpg "$API/v1"`],
    ["Upload a private one, with metadata and a creator", `curl ${auth} -F file=@photo.jpg -F requireSignedURLs=true \\\n  -F 'metadata={"place":"Zürich"}' -F creator=user-1 "$API/v1"`],
    ["List", `curl ${auth} "$API/v2?per_page=100"`],
    ["A link by which somebody without a token uploads once", `curl -X POST ${auth} -F requireSignedURLs=true "$API/v2/direct_upload"`],
    ["Sign a URL until tomorrow", `curl ${auth} -H 'Content-Type: application/json' \\\n  -d ${quoted(body)} \\\n  ${own}/sign`],
  ];
}

export function typescript({ base, account }) {
  return [
    ["Cloudflare’s SDK", "npm install cloudflare"],
    ["Only baseURL differs", `import { readFile } from "node:fs/promises";
import Cloudflare, { toFile } from "cloudflare";

const client = new Cloudflare({
  apiToken: process.env.SAFELIGHT_TOKEN,
  baseURL: "${base}",
});
const account_id = "${account}";

const image = await client.images.v1.create({
  account_id,
  file: await toFile(await readFile("photo.jpg"), "photo.jpg"),
  requireSignedURLs: true,
  metadata: { place: "Zürich" },
});
console.log(image.id, image.variants);

const { images } = await client.images.v2.list({ account_id, per_page: 100 });
console.log(images.map(({ id }) => id));

const link = await client.images.v2.directUploads.create({ account_id, requireSignedURLs: true });
console.log(link.uploadURL);`],
  ];
}

export function python({ base, account }) {
  return [
    ["Cloudflare’s SDK", "pip install cloudflare"],
    ["Only base_url differs", `import os
from pathlib import Path

from cloudflare import Cloudflare

client = Cloudflare(
    api_token=os.environ["SAFELIGHT_TOKEN"],
    base_url="${base}",
)
account_id = "${account}"

image = client.images.v1.create(
    account_id=account_id,
    file=("photo.jpg", Path("photo.jpg").read_bytes(), "image/jpeg"),
    require_signed_urls=True,
    metadata={"place": "Zürich"},
)
print(image.id, image.variants)

page = client.images.v2.list(account_id=account_id, per_page=100)
print([image.id for image in page.images])

link = client.images.v2.direct_uploads.create(account_id=account_id, require_signed_urls=True)
print(link.upload_url)`],
  ];
}

export function worker({ delivery }) {
  return [
    ["A Worker that leads from its own path to a link that holds for an hour; the key is its secret", "npx wrangler secret put IMAGES_SIGNING_KEY"],
    ["worker.js", `const DELIVERY = "${delivery}";
const LIFETIME = 60 * 60;

async function sign(url, signingKey) {
  const bytes = (text) => new TextEncoder().encode(text);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes(signingKey), algorithm, false, ["sign"]);
  url.searchParams.set("exp", String(Math.floor(Date.now() / 1000) + LIFETIME));
  const mac = await crypto.subtle.sign("HMAC", key, bytes(\`\${url.pathname}?\${url.searchParams}\`));
  const digits = Array.from(new Uint8Array(mac), (byte) => byte.toString(16).padStart(2, "0"));
  url.searchParams.set("sig", digits.join(""));
  return url.href;
}

export default {
  async fetch(request, env) {
    // Decide here whether this visitor may see the image.
    const { pathname } = new URL(request.url); // /<image id>/<variant>
    return Response.redirect(await sign(new URL(DELIVERY + pathname), env.IMAGES_SIGNING_KEY), 302);
  },
};`],
  ];
}

export function safelight({ origin, account, delivery, path }) {
  return [
    ["First, where and who; the file api-token holds the token", `export SAFELIGHT_URL=${origin}\nexport SAFELIGHT_ACCOUNT_ID=${account}\nexport SAFELIGHT_API_TOKEN_FILE=api-token`],
    ["Upload", "safelight upload photo.jpg --private"],
    ["Sign", `safelight sign ${quoted(new URL(delivery).origin + path)} --expires-in 1d`],
    ["Verify", "safelight verify '<signed URL>'"],
    ["The rest", "safelight images list\nsafelight keys list\nsafelight help"],
  ];
}

/** From a copied key to a link, with openssl alone. */
export function openssl({ delivery, path }) {
  return `KEY='…'
HOST=${new URL(delivery).origin}
IMAGE=${quoted(path)}

TEXT="$IMAGE?exp=$(($(date +%s) + 3600))"
SIG=$(printf %s "$TEXT" | openssl dgst -sha256 -hmac "$KEY" -r | cut -d ' ' -f 1)
echo "$HOST$TEXT&sig=$SIG"`;
}
