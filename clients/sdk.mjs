// Cloudflare's TypeScript SDK, with nothing changed but the base URL.

import Cloudflare, { toFile } from "cloudflare";
import { account, done, hash, holds, origin, picture, same, token } from "./check.mjs";

const client = new Cloudflare({ apiToken: token, baseURL: `${origin}/client/v4` });
const { v1, v2 } = client.images;
const own = { account_id: account };

/** Ends the script unless the call fails as this class of the SDK, with this code. */
async function refused(what, call, errorClass, code) {
  const error = await call.then(() => null, (error) => error);
  holds(`${what}: ${errorClass.name}`, error instanceof errorClass);
  same(`${what}: code`, error.errors[0].code, code);
}

/** A second try of the SDK changes nothing here, and takes seconds. */
const once = { maxRetries: 0 };

async function upload() {
  const plain = await v1.create({ ...own, file: await toFile(picture, "photo.jpg") });
  holds("an id like a UUID", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(plain.id));
  same("the file name", plain.filename, "photo.jpg");
  same("public unless asked", plain.requireSignedURLs, false);
  same("no metadata", plain.meta, {});
  holds("a moment with milliseconds", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(plain.uploaded));
  same("the URLs of its variants", plain.variants, [`${origin}/${hash}/${plain.id}/public`]);
  same("it is delivered", (await fetch(plain.variants[0])).status, 200);

  const rich = await v1.create({
    ...own,
    id: "sdk/ts/ünï 50%.jpg",
    file: await toFile(picture, "photo.jpg", { type: "image/jpeg" }),
    metadata: { place: "Zürich", tags: ["a", "b"], camera: { make: "x", lens: { mm: "50" } } },
    creator: "user-1",
    requireSignedURLs: true,
  });
  same("a custom id with slashes", rich.id, "sdk/ts/ünï 50%.jpg");
  const nested = { place: "Zürich", tags: ["a", "b"], camera: { make: "x", lens: { mm: "50" } } };
  same("metadata that nests", rich.meta, nested);
  same("the creator", rich.creator, "user-1");
  same("private", rich.requireSignedURLs, true);
  same("it needs a signature", (await fetch(rich.variants[0])).status, 403);
  return { plain, rich };
}

async function details({ plain, rich }) {
  same("get", await v1.get(plain.id, own), plain);
  same("get by an id with slashes", await v1.get(rich.id, own), rich);
  const original = await v1.blobs.get(rich.id, own);
  same("the type of the original", original.headers.get("content-type"), "image/jpeg");
  same("the bytes of the original", Buffer.from(await original.arrayBuffer()), picture);

  const file = await toFile(picture, "photo.jpg");
  await refused("an id that is taken", v1.create({ ...own, id: rich.id, file }, once), Cloudflare.ConflictError, 5409);
  await refused("an unknown image", v1.get("nothing/here", own), Cloudflare.NotFoundError, 5404);
  const stranger = new Cloudflare({ apiToken: "wrong", baseURL: `${origin}/client/v4` });
  const listed = stranger.images.v1.stats.get(own);
  await refused("a wrong token", listed, Cloudflare.AuthenticationError, 10000);
  const text = await toFile(Buffer.from("no picture"), "a.png", { type: "image/png" });
  const error = await v1.create({ ...own, file: text }).catch((error) => error);
  same("content that is no image: status and code", [error.status, error.errors[0].code], [415, 5455]);
}

async function edit({ rich }) {
  const open = await v1.edit(rich.id, { ...own, requireSignedURLs: false });
  same("made public", open.requireSignedURLs, false);
  same("what was not named stays", [open.meta, open.creator], [rich.meta, rich.creator]);
  same("delivered at once", (await fetch(open.variants[0])).status, 200);
  const changed = await v1.edit(rich.id, { ...own, metadata: { stars: 5, kept: true }, creator: "user-2" });
  same("metadata is replaced, and keeps its types", changed.meta, { stars: 5, kept: true });
  same("another creator", changed.creator, "user-2");
}

async function lists({ rich }) {
  for (let n = 0; n < 12; n += 1) {
    await v1.create({ ...own, id: `page/${n}`, file: await toFile(picture, `${n}.jpg`), creator: "pager" });
  }
  const pages = [];
  for (let page = 1; page <= 3; page += 1) {
    const answer = await v1.list({ ...own, page, per_page: 10, creator: "pager" });
    pages.push(answer.result.images.map((image) => image.id));
  }
  same("list v1: pages", pages.map((page) => page.length), [10, 2, 0]);
  same("list v1: newest first", pages.flat(), [...Array(12).keys()].reverse().map((n) => `page/${n}`));
  let seen = 0;
  for await (const _ of v1.list({ ...own, per_page: 10 })) seen += 1;
  // The SDK looks for `result.items`, which Cloudflare does not send either.
  same("list v1: the SDK's own iteration ends", seen, 0);

  const walked = [];
  let continuation_token;
  do {
    const answer = await v2.list({ ...own, per_page: 10, sort_order: "asc", creator: "pager", continuation_token });
    walked.push(answer.images.map((image) => image.id));
    continuation_token = answer.continuation_token;
  } while (continuation_token);
  same("list v2: pages", walked.map((page) => page.length), [10, 2]);
  same("list v2: oldest first when asked", walked.flat(), [...Array(12).keys()].map((n) => `page/${n}`));
  const unowned = (await v2.list({ ...own, creator: "" })).images;
  holds("list v2: creator \"\" is none", unowned.length === 1 && unowned[0].creator === null);
  const newest = (await v2.list({ ...own, per_page: 10 })).images[0];
  same("list v2: newest first by default", newest.id, "page/11");
  const byCreator = (await v2.list({ ...own, creator: "user-2" })).images;
  same("list v2: by creator", byCreator.map((image) => image.id), [rich.id]);
  same("stats", (await v1.stats.get(own)).count.current, 14);
  holds("stats: room for more", (await v1.stats.get(own)).count.allowed > 14);
}

async function variants({ plain }) {
  const options = { fit: "cover", metadata: "none", width: 120, height: 80 };
  const made = await v1.variants.create({ ...own, id: "thumb", options, neverRequireSignedURLs: true });
  same("a new variant", [made.variant.id, made.variant.neverRequireSignedURLs], ["thumb", true]);
  same("its options", pick(made.variant.options, Object.keys(options)), options);
  const all = (await v1.variants.list(own)).variants;
  same("the list is a map", Object.keys(all).sort(), ["public", "thumb"]);
  same("one of it", (await v1.variants.get("thumb", own)).variant, all.thumb);
  holds("images name it", (await v1.get(plain.id, own)).variants.includes(`${origin}/${hash}/${plain.id}/thumb`));
  const edited = await v1.variants.edit("thumb", { ...own, options: { ...options, width: 60 } });
  same("edited", edited.variant.options.width, 60);
  same("the rest stays", edited.variant.neverRequireSignedURLs, true);
  const again = v1.variants.create({ ...own, id: "thumb", options }, once);
  await refused("a name that is taken", again, Cloudflare.ConflictError, 5409);
  const odd = v1.variants.create({ ...own, id: "no-dash", options });
  await refused("a name that cannot be", odd, Cloudflare.BadRequestError, 5400);
  same("deleted", await v1.variants.delete("thumb", own), {});
  const gone = await v1.variants.get("thumb", own).catch((error) => error);
  same("gone", gone.status, 404);
  const url = `${origin}/${hash}/${plain.id}/thumb`;
  same("its URLs too", (await fetch(url)).status, 403);
}

async function keys() {
  const before = (await v1.keys.list(own)).keys;
  same("the first key", before.map((key) => key.name), ["default"]);
  const added = (await v1.keys.update("second", own)).keys;
  same("a second key", added.map((key) => key.name).sort(), ["default", "second"]);
  holds("with a value of its own", new Set(added.map((key) => key.value)).size === 2);
  const left = (await v1.keys.delete("second", own)).keys;
  same("deleted", left, before);
  await refused("an unknown key", v1.keys.delete("third", own), Cloudflare.NotFoundError, 5404);
}

async function config() {
  const path = `/accounts/${account}/images/v1/config`;
  const answer = await client.patch(path, { body: { flexible_variants: true } });
  same("config, by the SDK's raw verbs", answer.result.flexible_variants, true);
  same("config, read back", (await client.get(path)).result.flexible_variants, true);
}

async function deletion({ plain, rich }) {
  for (const image of [plain, rich]) {
    same(`delete ${image.id}`, await v1.delete(image.id, own), {});
    await refused(`${image.id} is gone`, v1.get(image.id, own), Cloudflare.NotFoundError, 5404);
  }
  await refused("a second deletion", v1.delete(plain.id, own), Cloudflare.NotFoundError, 5404);
}

const pick = (object, names) => Object.fromEntries(names.map((name) => [name, object[name]]));

const images = await upload();
await details(images);
await edit(images);
await lists(images);
await variants(images);
await keys();
await config();
await deletion(images);
done();
