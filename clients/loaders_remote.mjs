// Remote images, `/cdn-cgi/image/<options>/<source>`, as unpic, @nuxt/image and the loader of Cloudflare's
// page for next/image build them. Argument: the port of a web server of this script, the zone's origin.

import { createServer } from "node:http";
import nuxtProvider from "@nuxt/image/runtime/providers/cloudflare";
import { transformUrl } from "unpic";
import { done, origin, picture, pictureAt, refusedAt } from "./check.mjs";

const port = Number(process.argv[2]);
const source = `http://127.0.0.1:${port}/photos/a.jpg`;
const web = createServer((request, response) => {
  const found = request.url.startsWith("/photos/");
  response.writeHead(found ? 200 : 404, { "content-type": "image/jpeg" }).end(found ? picture : "");
});
await new Promise((listening) => web.listen(port, "127.0.0.1", listening));

/** The loader that Cloudflare's page for Next.js has, in our own words. */
function next({ src, width, quality }) {
  const options = [`width=${width}`, quality && `quality=${quality}`, "format=auto"].filter(Boolean);
  return `${origin}/cdn-cgi/image/${options.join(",")}/${src.replace(/^\//, "")}`;
}

/** unpic forgets the port of the zone, and makes every URL https. */
function unpic(url, options) {
  const made = new URL(transformUrl({ url, provider: "cloudflare", ...options }));
  return `${origin}${made.pathname}${made.search}`;
}

const nuxt = (src, modifiers) => nuxtProvider().getImage(src, { modifiers, baseURL: origin }).url;

for (const width of [64, 640, 1080]) {
  const height = Math.round((1067 * width) / 1600);
  await pictureAt("next: a URL", next({ src: source, width, quality: 75 }), width, height);
  await pictureAt("next: a path", next({ src: "/photos/a.jpg", width }), width, height);
}
await pictureAt("nuxt: a URL", nuxt(source, { width: 200, height: 100, fit: "cover" }), 200, 100);
await pictureAt("nuxt: a path", nuxt("/photos/b.jpg", { width: 200, quality: 50, sharpen: 1 }), 200, 133);
await pictureAt("nuxt: dpr", nuxt("/photos/b.jpg", { width: 100, dpr: 2, format: "jpeg" }), 200, 133);
const given = `${origin}/cdn-cgi/image/width=400/${source}`;
await pictureAt("unpic: a URL", unpic(given, { width: 200, height: 100 }), 200, 100);
await pictureAt("unpic: a path", unpic(`${origin}/cdn-cgi/image/width=400/photos/c.jpg`, { width: 320 }), 320, 213);
await refusedAt("an origin that is not listed", next({ src: "http://other.example/a.jpg", width: 64 }), 403, 9401);
await refusedAt("a source that is not there", next({ src: "/nothing.jpg", width: 64 }), 404, 9404);
web.close();
done();
