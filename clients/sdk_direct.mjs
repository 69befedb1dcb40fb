// Direct creator uploads by Cloudflare's TypeScript SDK: a back end asks for a link, and somebody without
// a token uploads by it. Then the batch host's paths with a batch token.

import Cloudflare from "cloudflare";
import { account, done, holds, origin, picture, same, token } from "./check.mjs";

const client = new Cloudflare({ apiToken: token, baseURL: `${origin}/client/v4` });
const { v1, v2 } = client.images;
const own = { account_id: account };

async function send(url, field, content = picture) {
  const form = new FormData();
  form.set(field, new Blob([content]), "mine.jpg");
  const answer = await fetch(url, { method: "POST", body: form, headers: { origin: "https://shop.example" } });
  same("any origin may read the answer", answer.headers.get("access-control-allow-origin"), "*");
  return { status: answer.status, text: await answer.text() };
}

/** Refused in plain text, as upload widgets expect it. */
function refused(what, { status, text }, expected) {
  same(`${what}: status`, status, expected);
  holds(`${what}: plain text`, /^ERROR \d{4}: ./.test(text));
}

async function once() {
  const metadata = { order: "7", buyer: { name: "ü" } };
  const link = await v2.directUploads.create({ ...own, requireSignedURLs: true, metadata, creator: "user-1" });
  holds("the link is at the public URL", link.uploadURL.startsWith(`${origin}/`));
  const draft = await v1.get(link.id, own);
  same("a draft", [draft.draft, draft.meta, draft.creator], [true, metadata, "user-1"]);
  same("drafts are not listed", (await v2.list(own)).images, []);

  refused("another field", await send(link.uploadURL, "image"), 400);
  refused("no image", await send(link.uploadURL, "file", "text"), 415);
  const sent = await send(link.uploadURL, "file");
  same("uploaded", sent.status, 200);
  const image = JSON.parse(sent.text);
  same("with the id that was promised", [image.success, image.result.id], [true, link.id]);
  refused("a second time", await send(link.uploadURL, "file"), 409);
  refused("an unknown link", await send(`${link.uploadURL}x`, "file"), 404);

  const stored = await v1.get(link.id, own);
  same("no draft any more", "draft" in stored, false);
  same("as was settled", [stored.meta, stored.creator, stored.requireSignedURLs], [metadata, "user-1", true]);
  same("private", (await fetch(stored.variants[0])).status, 403);
  same("listed", (await v2.list(own)).images.map((listed) => listed.id), [link.id]);
}

async function forms() {
  const plain = await v2.directUploads.create(own);
  same("no options at all", (await v1.get(plain.id, own)).draft, true);
  const id = "direct/ts/ü.jpg";
  const expiry = new Date(Date.now() + 600_000).toISOString();
  const link = await v2.directUploads.create({ ...own, id, expiry });
  same("a custom id", link.id, id);
  for (const ahead of [60_000, 7 * 3_600_000]) {
    const late = { ...own, expiry: new Date(Date.now() + ahead).toISOString() };
    const error = await v2.directUploads.create(late).catch((error) => error);
    holds(`an expiry ${ahead} ms ahead`, error instanceof Cloudflare.BadRequestError);
    same("its code", error.errors[0].code, 5400);
  }
  const taken = await v2.directUploads.create({ ...own, id }, { maxRetries: 0 }).catch((error) => error);
  holds("a promised id is taken", taken instanceof Cloudflare.ConflictError);
  same("uploaded", (await send(link.uploadURL, "file")).status, 200);
  same("deleted", await v1.delete(id, own), {});

  const old = { body: { requireSignedURLs: true } };
  const { result } = await client.post(`/accounts/${account}/images/v1/direct_upload`, old);
  same("v1, with JSON", (await v1.get(result.id, own)).requireSignedURLs, true);
}

async function batch() {
  const { result } = await client.get(`/accounts/${account}/images/v1/batch_token`);
  const ahead = new Date(result.expiresAt) - Date.now();
  holds("a batch token for an hour", ahead > 3_500_000 && ahead < 3_700_000);
  const call = async (method, path, body) => {
    const headers = { authorization: `Bearer ${result.token}` };
    const answer = await fetch(`${origin}/images${path}`, { method, body, headers });
    return answer.json();
  };
  const form = new FormData();
  form.set("file", new Blob([picture]), "batch.jpg");
  const image = (await call("POST", "/v1", form)).result;
  same("uploaded in a batch", (await call("GET", `/v1/${image.id}`)).result, image);
  holds("listed", (await call("GET", "/v2")).result.images.some((listed) => listed.id === image.id));
  const changed = await call("PATCH", `/v1/${image.id}`, JSON.stringify({ creator: "batch" }));
  same("changed", changed.result.creator, "batch");
  holds("a link", (await call("POST", "/v2/direct_upload", new FormData())).result.uploadURL);
  same("deleted", (await call("DELETE", `/v1/${image.id}`)).success, true);
  const other = new Cloudflare({ apiToken: result.token, baseURL: `${origin}/client/v4` });
  const error = await other.images.v1.keys.list(own).catch((error) => error);
  holds("it opens nothing else", [401, 403].includes(error.status));
}

await once();
await forms();
await batch();
done();
