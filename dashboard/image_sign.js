// Signs a URL of one image, and shows what comes of it.

import { h, icon, replace } from "./dom.js";
import * as api from "./api.js";
import { badge, button, copyButton, failure, field, form, linkButton, say, section, select, snippet } from "./ui.js";
import { bytes, countdown, moment } from "./format.js";
import { expiryChoice, variantChoice } from "./choice.js";
import { signCode } from "./sign_code.js";
import { href } from "./app.js";

/** Has the server sign; `domain` may be empty. */
export function sign(image, { segment, expires, key, domain }, signal) {
  const json = { image: image.id, variant: segment, expires, key, domain: domain || undefined };
  return api.call("POST", api.own("/sign"), { json, signal });
}

/** A list of the hosts that links may be made for, or null if there is but one. */
export function domainChoice(domains, changed) {
  if (domains.length === 0) return null;
  const names = [["", api.session.public_url], ...domains.map((domain) => [domain, domain])];
  return field("Host", select(names, "", { onchange: changed }));
}

/** A list of the signing keys. */
export function keyChoice(keys) {
  const names = keys.map(({ name }) => name);
  return field("Key", select(names.map((name) => [name, name]), names.includes("default") ? "default" : names[0]));
}

/** The form that signs, and its result. `element.choose(variant)` goes to it with a variant chosen. */
export function signing({ image, variants, config, domains, keys }, signal) {
  if (!api.may("sign")) return section("Sign a URL", h("p", { className: "hint" }, "Signing needs a token with the scope sign."));
  const hint = config.flexible_variants ? "As in a delivery URL." : "Flexible variants are off, so a link with options is refused until they are switched on under Delivery.";
  const choice = variantChoice({ variants, hint });
  const expiry = expiryChoice();
  const key = keys.length > 0 && keyChoice(keys);
  const domain = domainChoice(domains);
  const result = h("div", { className: "signed" });
  let shown = new AbortController();
  signal.addEventListener("abort", () => shown.abort());
  const editor = form([h("div", { className: "sign-choice" }, choice.element, expiry.element, key, domain)], "Sign", async () => {
    const segment = choice.value;
    if (segment === null) throw new Error("Write the options, or choose a variant.");
    const link = await sign(image, { segment, expires: expiry.seconds(), key: key ? key.input.value : undefined, domain: domain?.input.value }, signal);
    shown.abort();
    shown = new AbortController();
    replace(result, outcome(link, shown.signal));
    say("Signed");
  });
  const note = !image.requireSignedURLs && h("p", { className: "hint" }, "The image is public, so it is shown without a signature too.");
  const element = section("Sign a URL", note, editor, result);
  element.choose = (name) => {
    choice.set(name);
    element.scrollIntoView({ block: "start" });
    choice.list.focus({ preventScroll: true });
  };
  return element;
}

function outcome(link, signal) {
  // `signed` is path and query as the signature covers them.
  const [path] = link.signed.split("?");
  const origin = new URL(link.url).origin;
  const expires = link.expires === null ? null : typeof link.expires === "number" ? link.expires : Math.floor(Date.parse(link.expires) / 1000);
  const place = h("div", { "aria-live": "polite" });
  const test = button("Test", { drawing: "check", onclick: () => tryLink(link.url, place, signal) });
  const open = linkButton("Open", link.url, { drawing: "out" });
  open.target = "_blank";
  open.rel = "noopener noreferrer";
  return [
    snippet("signed link", link.url),
    h("div", { className: "actions" }, copyButton("Copy link", link.url, { kind: "primary" }), open, test, linkButton("Verify this URL", href("verify", { url: link.url }), { drawing: "shield" }), timer(expires, signal)),
    place,
    h("details", { className: "more" }, h("summary", {}, "Code that makes this link"), signCode({ origin, path, expires, key: link.key })),
  ];
}

/** How long the link holds, by the second. */
export function timer(expires, signal) {
  if (expires === null) return badge("Never expires");
  const clock = h("span", { role: "timer", "aria-live": "off", className: "number" });
  const element = h("span", { className: "badge good", title: moment(expires * 1000) }, "Expires in ", clock);
  function tick() {
    const rest = expires - Date.now() / 1000;
    clock.textContent = countdown(Math.ceil(rest));
    if (rest > 0) return;
    clearInterval(running);
    element.className = "badge bad";
    replace(element, "Expired");
  }
  const running = setInterval(tick, 1000);
  signal.addEventListener("abort", () => clearInterval(running));
  tick();
  return element;
}

/** Fetches the link as somebody else would, and says what came. */
async function tryLink(url, place, signal) {
  const { origin } = new URL(url);
  if (origin !== location.origin && origin !== api.session.public_url) {
    const why = "This page may fetch from its own server alone: open the link to try it on this host.";
    return replace(place, h("p", { className: "notice" }, icon("warning"), why));
  }
  replace(place, h("p", { className: "faint" }, "Fetching\u2026"));
  try {
    const started = performance.now();
    const answer = await fetch(url, { credentials: "omit", cache: "no-store", signal });
    const blob = await answer.blob();
    const took = Math.round(performance.now() - started);
    if (answer.ok) replace(place, h("p", { className: "outcome good" }, icon("check"), `Status ${answer.status} \u00b7 ${blob.type} \u00b7 ${bytes(blob.size)} \u00b7 ${took} ms`));
    else replace(place, h("p", { className: "outcome bad" }, icon("cross"), `Status ${answer.status}: ${(await blob.text()).slice(0, 500)}`));
  } catch (error) {
    if (error.name === "AbortError") return;
    replace(place, failure(new Error("The link could not be fetched from this page. Check that the server's public URL leads to it."), () => tryLink(url, place, signal)));
  }
}
