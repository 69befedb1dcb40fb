// Uploads by `url` with Cloudflare's TypeScript SDK, from a web server of this script. Argument: its port,
// which the server under test may fetch from.

import { createServer } from "node:http";
import Cloudflare from "cloudflare";
import { account, done, holds, origin, picture, same, token } from "./check.mjs";

const port = Number(process.argv[2]);
const base = `http://127.0.0.1:${port}`;
const client = new Cloudflare({ apiToken: token, baseURL: `${origin}/client/v4`, maxRetries: 0 });
const { v1 } = client.images;
const own = { account_id: account };

const seen = [];
const web = createServer((request, response) => {
  seen.push(request);
  const { authorization } = request.headers;
  if (request.url === "/moved") response.writeHead(302, { location: "/photo.jpg" }).end();
  else if (request.url === "/text.png") response.writeHead(200, { "content-type": "image/png" }).end("text");
  else if (request.url === "/gone.jpg") response.writeHead(404).end(picture);
  else if (request.url === "/secret.jpg" && authorization !== `Basic ${btoa("me:pa ss")}`) {
    response.writeHead(401, { "www-authenticate": "Basic" }).end();
  } else response.writeHead(200, { "content-type": "image/jpeg" }).end(picture);
});
await new Promise((listening) => web.listen(port, "127.0.0.1", listening));

async function refused(what, url, status, code) {
  const error = await v1.create({ ...own, url }).catch((error) => error);
  same(`${what}: status and code`, [error.status, error.errors[0].code], [status, code]);
}

const image = await v1.create({
  ...own,
  url: `${base}/album/photo.jpg?v=2`,
  id: "by-url/1",
  metadata: { from: "elsewhere" },
  requireSignedURLs: true,
});
same("by url", [image.id, image.filename], ["by-url/1", "photo.jpg"]);
same("with its fields", [image.meta, image.requireSignedURLs], [{ from: "elsewhere" }, true]);
const original = await v1.blobs.get(image.id, own);
same("the bytes", Buffer.from(await original.arrayBuffer()), picture);
holds("nothing of ours is sent along", !seen[0].headers.authorization && !seen[0].headers.cookie);
holds("with user and password", (await v1.create({ ...own, url: `http://me:pa%20ss@127.0.0.1:${port}/secret.jpg` })).id);
holds("over a redirect", (await v1.create({ ...own, url: `${base}/moved` })).id);

await refused("without the password", `${base}/secret.jpg`, 400, 5454);
await refused("an error of the origin", `${base}/gone.jpg`, 400, 5454);
await refused("no image", `${base}/text.png`, 415, 5455);
await refused("another port", `http://127.0.0.1:${port + 1}/a.jpg`, 400, 5454);
await refused("a network inside", `http://10.0.0.1:${port}/a.jpg`, 400, 5454);
await refused("another scheme", "file:///etc/passwd", 400, 5454);
web.close();
done();
