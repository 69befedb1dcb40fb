// What a program needs to know of this account, and code that is ready to run.

import { h, replace } from "../dom.js";
import * as api from "../api.js";
import { copyLine, field, linkButton, load, pageHead, section, select, snippet, tabs } from "../ui.js";
import { plain } from "../format.js";
import { deliveryUrl, target } from "../links.js";
import { curl, openssl, python, safelight, typescript, worker } from "../examples.js";
import { href } from "../app.js";

const EXAMPLES = [["curl", curl], ["TypeScript", typescript], ["Python", python], ["Worker", worker], ["safelight", safelight]];
const ANY = "<image id>";

export async function render({ root, signal }) {
  const { account_id: account, account_hash: hash, public_url: publicUrl } = api.session;
  const { origin } = location;
  const about = { origin, account, hash, base: `${origin}/client/v4`, api: `${origin}${api.images("").replace(/\/images$/, "")}`, own: `${origin}${api.own()}`, delivery: `${publicUrl}/${hash}`, image: ANY, path: `/${hash}/${ANY}/public` };
  const journey = h("div", {});
  const examples = h("div", {});
  const show = () => {
    replace(journey, steps(about));
    replace(examples, tabs("Examples", EXAMPLES.map(([name, make]) => [name, () => h("div", {}, make(about).map(part))])));
  };
  const chooser = h("div", {});
  show();
  replace(root,
    pageHead("Developer", "Safelight speaks Cloudflare Images’ API and URLs: programs change the host alone.", linkButton("OpenAPI", "/openapi.json", { drawing: "code" })),
    section("This account", ...facts(about)),
    section("Sign a link in a shell", chooser, journey),
    section("Examples", h("p", { className: "hint" }, "Tokens and keys are left open: put your own where … stands. Make a token under ", h("a", { href: href("tokens") }, "Tokens"), "."), examples));
  if (!api.may("read")) return replace(chooser, h("p", { className: "hint" }, "With a token of the scope read, an image could be chosen here."));
  await load(chooser, () => readImages(signal), (images) => choice(images, (image) => {
    about.image = image.id;
    about.path = target(deliveryUrl(image, image.variant));
    show();
  }));
}

function facts({ account, hash, delivery, base, own }) {
  return [
    ["Account id", account],
    ["Account hash", hash],
    ["Delivery URL", `${delivery}/<image id>/<variant>`],
    ["API base", base],
    ["Images API", `${base}/accounts/${account}/images/v1`],
    ["Safelight’s API", own],
  ].map(([label, text]) => copyLine(label, text));
}

/** The newest images, private ones first: those are worth a signature. */
async function readImages(signal) {
  const read = (requireSignedURLs) => api.call("GET", api.own(`/images${api.query({ per_page: 10, requireSignedURLs })}`), { signal });
  const [closed, open, known] = await Promise.all([read("true"), read("false"), api.call("GET", api.images("/v1/variants"), { signal })]);
  const names = Object.keys(known.variants);
  const variant = names.includes("public") ? "public" : names[0] ?? "width=400";
  return [...closed.images, ...open.images].map((image) => ({ ...image, variant }));
}

function choice(images, chosen) {
  if (images.length === 0) return h("p", { className: "empty" }, "There is no image yet. ", h("a", { href: href("images") }, "Upload one"), ", then it stands in the code below.");
  const short = (text) => (text.length > 60 ? `${text.slice(0, 57)}…` : text);
  const label = ({ id, filename, requireSignedURLs }) => `${plain(short(filename ?? id))} (${requireSignedURLs ? "private" : "public"})${filename ? ` · ${plain(short(id))}` : ""}`;
  const list = select(images.map((image, at) => [String(at), label(image)]), "0", { onchange: () => chosen(images[list.value]) });
  chosen(images[0]);
  return field("Image", list, { hint: "The newest ones. It stands in the code below." });
}

function steps(about) {
  return h("ol", { className: "steps" },
    h("li", {}, "Copy a key under ", h("a", { href: href("keys") }, "Keys"), "."),
    h("li", {}, "Run this in a shell, with the key where … stands:", snippet("shell code", openssl(about))),
    h("li", {}, "Open the link that it prints. It holds for an hour; ", h("a", { href: href("verify") }, "Verify"), " says why if it is refused."));
}

function part([label, code]) {
  return h("div", { className: "part" }, h("p", { className: "label" }, label), snippet(`code: ${label}`, code));
}
