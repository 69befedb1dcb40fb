// Runs a signing Worker in workerd, Cloudflare's own runtime, and tries its links on the server: each is
// accepted as it is, and refused after any change. Arguments: the Worker's module, which exports
// `generateSignedUrl`, and the origin of the URLs that it signs.

import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { api, done, get, hash, holds, key, origin, same, upload } from "./check.mjs";

const [worker, signedOrigin] = process.argv.slice(2);
const here = path.dirname(fileURLToPath(import.meta.url));
const ID = "a b/ü 50%+画.jpg";

/** Every service on a port of its own, which workerd tells on its control channel. */
async function start() {
  const folder = mkdtempSync(path.join(here, "worker-"));
  copyFileSync(worker, path.join(folder, "worker.js"));
  copyFileSync(path.join(here, "worker_direct.js"), path.join(folder, "direct.js"));
  const service = (name, modules) => `(name = "${name}", worker = (
    modules = [${modules.map((module) => `(name = "${module}", esModule = embed "${module}")`).join(", ")}],
    bindings = [(name = "IMAGES_SIGNING_KEY", text = ${JSON.stringify(key)})],
    compatibilityDate = "2026-01-01"))`;
  const socket = (name) => `(name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}")`;
  const config = path.join(folder, "config.capnp");
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${service("fetch", ["worker.js"])}, ${service("direct", ["direct.js", "worker.js"])}],
  sockets = [${socket("fetch")}, ${socket("direct")}]);`,
  );
  const binary = createRequire(import.meta.url)("workerd").default;
  const stdio = ["ignore", "inherit", "inherit", "pipe"];
  const workerd = spawn(binary, ["serve", config, "--control-fd=3"], { stdio });
  const ports = {};
  let text = "";
  for await (const chunk of workerd.stdio[3]) {
    text += chunk;
    for (const line of text.split("\n").slice(0, -1)) {
      const message = JSON.parse(line);
      if (message.event === "listen") ports[message.socket] = message.port;
    }
    if (ports.fetch && ports.direct) return { workerd, ports };
  }
  throw new Error("workerd ended before it listened");
}

/** The link at the server under test: only path and query are signed. */
const atServer = (signed) => origin + signed.slice(signedOrigin.length);

async function byFetch(ports, url) {
  return atServer(await (await fetch(`http://127.0.0.1:${ports.fetch}/${url}`)).text());
}

async function directly(ports, url) {
  return atServer(await (await fetch(`http://127.0.0.1:${ports.direct}/`, { method: "POST", body: url })).text());
}

const status = async (url) => (await get(url)).status;

/** Every order of these. */
function orders(list) {
  if (list.length < 2) return [list];
  return list.flatMap((first, at) => orders(list.toSpliced(at, 1)).map((rest) => [first, ...rest]));
}

/** Queries as `URLSearchParams` writes them, then as people and programs do. */
function queries() {
  const pairs = [
    ["name", "a b"],
    ["plus", "1+1"],
    ["ü", "画像😀"],
    ["empty", ""],
  ];
  const odd = [
    ["k", "1"],
    ["k", "2"],
    ["k", "1"],
    ["", "no name"],
    ["a=b", "c=d&e?f#g"],
    ["percent", "100%25"],
    ["marks", "!'()*-._~,;:@/$"],
    ["line\n", "\u0000\t"],
    ["Exp", "1"],
    ["expires", "1"],
    ["signature", "x"],
  ];
  const spaces = ["x=a%20b", "x=a+b", "x=a%2Bb", "x= a"];
  const raw = [...spaces, "x", "x=", "&&x=1&", "=x", "x=%zz", "x=ü", "x=%c3%bc", "%78=1", "x=%FF", "x=[1]|{2}"];
  return [
    ...orders(pairs).map((order) => String(new URLSearchParams(order))),
    ...odd.map((_, at) => String(new URLSearchParams([...odd.slice(at), ...odd.slice(0, at)]))),
    ...raw,
    ...raw.map((query, at) => `${query}&${raw[(at + 1) % raw.length]}`),
    // An expiry that is there is replaced, at its place.
    "exp=1&v=2",
    "v=2&exp=1",
    "v=2&%65xp=1&w=3",
  ];
}

/** What somebody without the key could make of a link. */
function changes(link) {
  const url = new URL(link);
  const [before, signature] = link.split(/(?<=[?&]sig=)/);
  const pairs = url.search.slice(1).split("&");
  const withPairs = (changed) => `${url.origin}${url.pathname}?${changed.join("&")}`;
  const dropped = pairs.map((_, at) => withPairs(pairs.toSpliced(at, 1)));
  const altered = pairs.map((pair, at) => withPairs(pairs.toSpliced(at, 1, `${pair}0`)));
  const swapped = pairs.slice(2).map((_, at) => {
    return withPairs(pairs.toSpliced(at, 2, pairs[at + 1], pairs[at]));
  });
  const exp = Number(url.searchParams.get("exp"));
  const changed = [
    ...dropped,
    ...altered,
    ...swapped,
    link.replace(`exp=${exp}`, `exp=${exp + 1}`),
    `${link}&more=1`,
    `${link}&`,
    link.replace("?", "?more=1&"),
    link.replace("/public?", "/other?"),
    link.replace("/public?", "/w=10?"),
    link.replace("/a%20b/", "/a%20%62/"),
    link.replace("+", "%20"),
    link.replace("%20", "+"),
    before + signature.replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
    before + signature.slice(0, -1),
    before + signature.split("").reverse().join(""),
  ];
  return new Set(changed.filter((changed) => changed !== link));
}

async function everyLinkIsAcceptedAndNoChangeOfIt(ports) {
  const bare = `${signedOrigin}${new URL(`${origin}/${hash}/${encodeURI(ID)}/public`).pathname}`;
  let refused = 0;
  for (const query of ["", ...queries()]) {
    const link = await directly(ports, query ? `${bare}?${query}` : bare);
    same(`directly with ?${query}`, await status(link), 200);
    for (const changed of changes(link)) {
      const seen = await status(changed);
      if (seen !== 403) throw new Error(`${seen} for ${changed}, made of ${link}`);
      refused += 1;
    }
  }
  holds(`${refused} changes of them are refused`, refused > 1000);
}

async function byFetchToo(ports, image, others) {
  for (const made of [...image.variants, ...others]) {
    const url = made.replace(origin, signedOrigin);
    const link = await byFetch(ports, url);
    same(`by fetch: ${new URL(url).pathname}`, await status(link), 200);
    for (const changed of changes(link)) {
      same(`refused: ${changed.slice(origin.length)}`, await status(changed), 403);
    }
  }
}

await api("PATCH", "/v1/config", { flexible_variants: true });
await api("POST", "/v1/variants", { id: "other", options: { width: 40 } });
const image = await upload({ id: ID, requireSignedURLs: "true" });
same("unsigned it is refused", await status(image.variants[0]), 403);
const plain = await upload({ requireSignedURLs: "true" });
const { workerd, ports } = await start();
try {
  await everyLinkIsAcceptedAndNoChangeOfIt(ports);
  const path = `/${hash}/${plain.id}`;
  const prefixed = `${origin}/cdn-cgi/imagedelivery${path}/public`;
  await byFetchToo(ports, image, [...plain.variants, prefixed, `${origin}${path}/w=50,h=40,fit=cover`]);
  const link = await byFetch(ports, plain.variants[0].replace(origin, signedOrigin));
  const exp = Number(new URL(link).searchParams.get("exp"));
  holds("the links last a day", Math.abs(exp - Date.now() / 1000 - 86_400) < 60);
} finally {
  workerd.kill();
}
done();
