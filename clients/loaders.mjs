// What the image components of frameworks build: every URL must give a picture of the size asked for.

import nuxtProvider from "@nuxt/image/runtime/providers/cloudflareimages";
import { transformUrl } from "unpic";
import { api, done, get, hash, origin, pictureAt, refusedAt, same, upload } from "./check.mjs";
import { loaderFor } from "./next_loader.mjs";

const WIDTH = 1600;
const HEIGHT = 1067;
/** The widths that next/image asks for unless told otherwise. */
const NEXT_WIDTHS = [16, 32, 48, 64, 96, 128, 256, 384, 640, 750, 828, 1080, 1200, 1920, 2048, 3840];
const ID = "shop/ü 50%/a.jpg";

/** unpic knows ids of one segment alone, and makes every URL https. */
function unpic(segments, options) {
  const url = transformUrl({ url: `${origin}/cdn-cgi/imagedelivery/${hash}/${segments}`, ...options });
  return url.replace(/^https:/, "http:");
}

async function unpicUrls(image) {
  const id = image.id;
  await pictureAt("unpic: both sides", unpic(id, { width: 200, height: 100 }), 200, 100);
  await pictureAt("unpic: a width", unpic(id, { width: 200 }), 200, 133);
  await pictureAt("unpic: a height", unpic(id, { height: 100 }), 150, 100);
  await pictureAt("unpic: over options", unpic(`${id}/w=400,fit=contain`, { width: 240 }), 240, 160);
  // It takes the name of a variant for an option: `public=undefined,w=200`.
  await pictureAt("unpic: over a named variant", unpic(`${id}/public`, { width: 200 }), 200, 133);
  await pictureAt("unpic: quality", unpic(id, { width: 200, quality: 40 }), 200, 133);
  await pictureAt("unpic: jpeg", unpic(id, { width: 100, format: "jpeg" }), 100, 67);
  await pictureAt("unpic: an id with slashes", unpic(encodeURIComponent(ID), { width: 64, height: 64 }), 64, 64);
  for (const format of ["avif", "webp"]) {
    const { status, headers } = await get(unpic(id, { width: 100, format }));
    same(`unpic: ${format}`, [status, headers.get("content-type")], [200, `image/${format}`]);
  }
}

async function nuxtUrls(image) {
  const nuxt = (id, modifiers) => nuxtProvider().getImage(id, { modifiers, baseURL: origin, accountHash: hash }).url;
  const id = encodeURI(ID);
  await pictureAt("nuxt: no modifiers", nuxt(image.id, {}), 1152, 768);
  await pictureAt("nuxt: a named variant", nuxt(id, { variant: "thumb", width: 900 }), 120, 80);
  await pictureAt("nuxt: a width", nuxt(id, { width: 300 }), 300, 200);
  for (const [fit, width, height] of [
    ["cover", 200, 100],
    ["contain", 150, 100],
    ["fill", 200, 100],
    ["outside", 200, 100],
    ["inside", 150, 100],
  ]) {
    await pictureAt(`nuxt: fit ${fit}`, nuxt(id, { width: 200, height: 100, fit }), width, height);
  }
  for (const gravity of ["auto", "left", "right", "top", "bottom", "face"]) {
    const modifiers = { width: 90, height: 90, fit: "cover", gravity };
    await pictureAt(`nuxt: gravity ${gravity}`, nuxt(id, modifiers), 90, 90);
  }
  const padded = { width: 80, height: 80, fit: "fill", background: "#ff0000", quality: 50, dpr: 2 };
  await pictureAt("nuxt: background, quality and dpr", nuxt(id, padded), 160, 160);
  for (const [format, type] of [
    ["auto", "image/jpeg"],
    ["avif", "image/avif"],
    ["webp", "image/webp"],
    ["jpeg", "image/jpeg"],
    ["png", "image/png"],
    ["json", "application/json"],
  ]) {
    const { status, headers } = await get(nuxt(id, { width: 60, format }));
    same(`nuxt: format ${format}`, [status, headers.get("content-type")], [200, type]);
  }
}

async function nextUrls() {
  const loader = loaderFor(origin, hash);
  for (const width of NEXT_WIDTHS) {
    const expected = Math.min(width, WIDTH);
    const height = Math.max(1, Math.round((HEIGHT * expected) / WIDTH));
    await pictureAt(`next: ${width}`, loader({ src: ID, width, quality: 75 }), expected, height);
  }
  await pictureAt("next: no quality", loader({ src: ID, width: 128 }), 128, 85);
}

const image = await upload({});
await upload({ id: ID });
await api("POST", "/v1/variants", { id: "thumb", options: { width: 120, height: 80, fit: "cover" } });
const before = unpic(image.id, { width: 200 });
await refusedAt("flexible variants are off at first", before, 403, 9429);
await api("PATCH", "/v1/config", { flexible_variants: true });
await unpicUrls(image);
await nuxtUrls(image);
await nextUrls();
const secret = await upload({ requireSignedURLs: "true" });
await refusedAt("a private image", unpic(secret.id, { width: 200 }), 403, 9425);
done();
