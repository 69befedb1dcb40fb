// The URLs of one image, and the code that puts it on a page.

import { h, replace } from "./dom.js";
import * as api from "./api.js";
import { badge, button, copyButton, field, outside, section, select, snippet } from "./ui.js";
import { deliveryUrl, needsSignature, sizeOf, srcset } from "./links.js";
import { domainChoice, keyChoice, sign } from "./image_sign.js";
import { expiryChoice } from "./choice.js";

/** Every variant's URL. `signFor(variant)` leads to where one is signed. */
export function addresses(about, signFor) {
  const { image, variants, config, domains } = about;
  const list = h("ul", { className: "addresses" });
  const domain = domainChoice(domains, show);
  function show() {
    replace(list, variants.map((variant) => address(image, variant, domain?.input.value || undefined, signFor)));
  }
  show();
  const none = variants.length === 0 && h("p", { className: "empty" }, "The account has no variants.");
  const flexible = config.flexible_variants && h("p", { className: "hint" }, "Flexible variants are on: options such as ", h("code", {}, "w=400,fit=cover"), " may stand in place of a variant\u2019s name.");
  const element = section("URLs", domain, none, list, flexible);
  element.update = show;
  return element;
}

function address(image, variant, origin, signFor) {
  const url = deliveryUrl(image, variant.id, origin);
  const closed = needsSignature(image, variant);
  const open = h("a", { href: url, target: "_blank", rel: "noopener noreferrer", className: "button quiet" }, "Open", h("span", { className: "hidden" }, ` ${variant.id} in a new tab`));
  const go = button("Sign", { kind: "quiet", onclick: () => signFor(variant.id), disabled: !api.may("sign"), title: api.may("sign") ? `Sign ${variant.id}` : "Signing needs a token with the scope sign." });
  return h("li", {},
    h("div", { className: "row" }, h("strong", {}, variant.id), closed ? badge("Needs a signature", "", "lock") : badge("Public", "warn", "open")),
    h("div", { className: "address" }, h("code", { className: "line", title: url }, outside(url)), copyButton(`Copy the URL of ${variant.id}`, url, { kind: "quiet", hideLabel: true }), closed ? go : open));
}

const WIDTHS = "320, 640, 960, 1280, 1920";

/** The `<img srcset>` of the image. */
export function markup(about, signal) {
  const { image, variants, config, domains, keys } = about;
  const sized = variants.map((variant) => ({ variant, size: sizeOf(image, variant.options) })).filter(({ size }) => size !== null);
  const boxes = sized.map(({ variant, size }) => ({ segment: variant.id, variant, width: size.width, box: h("input", { type: "checkbox", checked: size.whole, onchange: show }) }));
  const from = config.flexible_variants && field("Made of", select([["variants", "Variants"], ["options", "Widths, by options"]], boxes.some(({ box }) => box.checked) ? "variants" : "options", { onchange: show }));
  const widths = field("Widths in pixels", h("input", { type: "text", value: WIDTHS, inputMode: "numeric", onchange: show }), { hint: "Those beyond the width of the original are left out." });
  const sizes = field("Shown at", h("input", { type: "text", value: "100vw", spellcheck: false, onchange: show }), { hint: "The attribute sizes: how wide the page shows the picture." });
  const pick = h("fieldset", { className: "boxes" }, h("legend", { className: "label" }, "Variants"), boxes.map(({ segment, width, box }) => h("label", {}, box, `${segment}, ${width} px`)));
  const domain = domainChoice(domains, show);
  const place = h("div", { className: "code", "aria-live": "polite" });

  function chosen() {
    const options = from && from.input.value === "options";
    pick.hidden = options;
    widths.hidden = !options;
    if (!options) return boxes.filter(({ box }) => box.checked);
    const wanted = widths.input.value.split(/[\s,;]+/).filter(Boolean).map(Number);
    const bad = wanted.some((width) => !Number.isInteger(width) || width < 1 || width > 12_000);
    widths.fail(bad ? "Whole numbers from 1 to 12000, with commas between." : null);
    const within = bad ? [] : [...new Set(wanted.map((width) => Math.min(width, image.width)))];
    return within.map((width) => ({ segment: `width=${width}`, variant: null, width }));
  }
  function show() {
    const list = chosen();
    if (list.length === 0) return replace(place, h("p", { className: "empty" }, "Nothing is chosen."));
    const code = (urls) => snippet("HTML", srcset(image, list.map(({ width }, at) => ({ url: urls[at], width })), sizes.input.value));
    const plain = list.map(({ segment }) => deliveryUrl(image, segment, domain?.input.value || undefined));
    const closed = list.filter(({ variant }) => needsSignature(image, variant));
    replace(place, code(plain), closed.length > 0 && signAll({ image, keys, closed, list, plain, domain }, (urls) => place.firstChild.replaceWith(code(urls)), signal));
  }
  show();
  const element = section("Code for a page", from, pick, widths, h("div", { className: "columns tight" }, sizes, domain), place);
  element.update = show;
  return element;
}

/** Says that the URLs of a private image must be signed, and does it. */
function signAll({ image, keys, closed, list, plain, domain }, done, signal) {
  const why = h("p", { className: "hint" }, "The image is private: each URL must be signed, best by your own server when it writes the page. To try the code, sign all of them here.");
  if (!api.may("sign")) return h("div", {}, why, h("p", { className: "hint" }, "Signing needs a token with the scope sign."));
  const expiry = expiryChoice({ label: "Links expire after" });
  const key = keys.length > 0 && keyChoice(keys);
  const problem = h("p", { className: "problem", role: "alert" });
  const send = button("Sign all", { drawing: "key", onclick: async () => {
    problem.textContent = "";
    send.disabled = true;
    try {
      const expires = expiry.seconds();
      const signed = await api.forEach(list, 4, (one, at) => (closed.includes(one)
        ? sign(image, { segment: one.segment, expires, key: key ? key.input.value : undefined, domain: domain?.input.value }, signal).then(({ url }) => url)
        : plain[at]));
      const failed = signed.find(({ status }) => status === "rejected");
      if (failed) throw failed.reason;
      done(signed.map(({ value }) => value));
    } catch (error) {
      if (error.name !== "AbortError") problem.textContent = error.message;
    }
    send.disabled = false;
  } });
  return h("div", { className: "form" }, why, h("div", { className: "row" }, expiry.element, key, send), problem);
}
