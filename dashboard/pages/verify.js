// Why a URL is accepted, or is not.

import { h, icon, replace } from "../dom.js";
import * as api from "../api.js";
import { failure, field, form, outside, pageHead, section, snippet } from "../ui.js";
import { moment } from "../format.js";
import { timer } from "../image_sign.js";
import { href } from "../app.js";

const NAMES = { url: "Form of the URL", account: "Account", signature: "Signature", expiry: "Expiry", variant: "Variant", image: "Image", access: "Access" };
const STATES = { passed: ["check", "passed"], failed: ["cross", "failed"], skipped: ["minus", "not looked at"] };
const TOKENS = { absent: "no signature", valid: "valid", expired: "expired", malformed: "cannot be read", mismatch: "of no active key" };

export async function render({ root, query, signal }) {
  const lead = "Paste a link to an image to learn why it is shown or refused.";
  if (!api.may("read")) {
    replace(root, pageHead("Verify", lead), h("p", { className: "notice" }, icon("warning"), "Verifying needs a token with the scope read."));
    return;
  }
  // A textarea shows all of a long link; what is typed is never put into the address.
  const input = h("textarea", { value: query.get("url") ?? "", spellcheck: false, autocapitalize: "off", autocomplete: "off", required: true, rows: 3, placeholder: `${api.session.public_url}/${api.session.account_hash}/…/public?exp=…&sig=…` });
  const url = field("URL or path", input, { hint: "Nothing is fetched from it. Enter verifies." });
  const place = h("div", { className: "stack", "aria-live": "polite" });
  let shown = new AbortController();
  signal.addEventListener("abort", () => shown.abort());
  const editor = form([url], "Verify", async () => {
    shown.abort();
    shown = new AbortController();
    const own = shown;
    const text = input.value.trim();
    url.fail(text === "" ? "Paste a URL." : null);
    if (text === "") {
      replace(place);
      return input.focus();
    }
    const result = await verify(text, own.signal);
    if (result !== null) replace(place, outcome(text, result, own.signal));
  });
  const again = () => editor.requestSubmit();
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    again();
  });
  input.addEventListener("paste", () => setTimeout(again));
  replace(root, pageHead("Verify", lead), h("div", { className: "panel" }, editor), place);
  if (input.value !== "") again();

  async function verify(text, own) {
    try {
      return await api.call("POST", api.own("/verify"), { json: { url: text }, signal: own });
    } catch (error) {
      if (error.name === "AbortError") return null;
      const mistyped = error.status === 400;
      url.fail(mistyped ? error.message : null);
      replace(place, !mistyped && failure(error, again));
      return null;
    }
  }
}

function outcome(url, result, signal) {
  const { accepted, status, code, message } = result;
  const answer = `The server answers ${status}${code ? `, ERROR ${code}` : ""}${accepted ? "." : `: ${message}`}`;
  return [
    h("div", { className: `verdict ${accepted ? "good" : "bad"}` }, icon(accepted ? "check" : "cross"),
      h("div", {}, h("h2", {}, accepted ? "Accepted" : "Refused"), h("p", {}, answer))),
    h("div", { className: "columns" },
      section("Checks", h("ul", { className: "checks" }, result.checks.map(check))),
      h("div", { className: "stack" }, facts(result, signal), next(url, result))),
  ];
}

function check({ name, state, text }) {
  const [drawing, word] = STATES[state] ?? ["warning", state];
  return h("li", {}, h("span", { className: state }, icon(drawing)),
    h("strong", {}, NAMES[name] ?? name, h("span", { className: "hidden" }, `: ${word}`)), h("p", { className: state === "skipped" ? "faint" : "" }, outside(text)));
}

function facts({ image, variant, token, requireSignedURLs }, signal) {
  const expires = token?.expires ? Math.floor(Date.parse(token.expires) / 1000) : null;
  const needs = requireSignedURLs === null || requireSignedURLs === undefined ? null : requireSignedURLs ? "required" : "not required";
  const rows = [
    image && ["Image", h("a", { href: href("image", { id: image }) }, outside(image))],
    variant && ["Variant", h("code", {}, outside(variant))],
    needs && ["Signed URLs", needs],
    token && ["Signature", TOKENS[token.state] ?? token.state],
    token?.key && ["Key", token.key],
    ["valid", "expired"].includes(token?.state) && ["Expires", expires === null ? "never" : h("span", { className: "row" }, moment(expires * 1000), timer(expires, signal))],
  ].filter(Boolean);
  return rows.length > 0 && section("What it says", h("dl", { className: "facts" }, rows.map(([term, what]) => [h("dt", {}, term), h("dd", {}, what)]).flat()));
}

/** What to do now. */
function next(url, { accepted, image, token, checks }) {
  const failed = (name) => checks.some((one) => one.name === name && one.state === "failed");
  const toImage = (text) => h("a", { href: href("image", { id: image }) }, text);
  const known = image && !failed("image") && !failed("account");
  const steps = [];
  if (failed("url")) steps.push("A link has the account’s hash, the image’s id and a variant in its path. Copy one from an image’s page.");
  if (failed("account")) steps.push(`This account’s hash is ${api.session.account_hash}. Links of another account are verified with its token.`);
  if (failed("variant")) steps.push(["See which variants there are, and whether flexible variants are on, under ", h("a", { href: href("delivery") }, "Delivery"), "."]);
  if (failed("image")) steps.push(["Look for the image under ", h("a", { href: href("images") }, "Hosted images"), ": the id is compared to the letter."]);
  if (token?.state === "expired" && known) steps.push([toImage("Sign a new link"), " on the image’s page: this one has ended."]);
  if (token?.state === "absent" && !accepted && known) steps.push([toImage("Sign the URL"), ", or make the image public."]);
  if (token?.state === "mismatch") steps.push("Compare the text below with the one that your code signs, byte by byte: the path as it is sent, percent-encoded, and exp before sig.", ["Compare the key under ", h("a", { href: href("keys") }, "Keys"), ": its text is the HMAC’s key as it is, not decoded. A deleted key opens nothing."]);
  if (token?.state === "malformed") steps.push("sig is the HMAC-SHA256 as 64 small hexadecimal digits, and exp is in whole Unix seconds.");
  if (accepted) steps.push(["Nothing. ", h("a", { href: url.startsWith("/") ? api.session.public_url + url : safe(url), target: "_blank", rel: "noopener noreferrer" }, "Open the link"), "."]);
  const expected = token?.expected && token.state !== "valid" && h("div", { className: "part" }, h("p", { className: "label" }, "The text that has to be signed"), snippet("text to sign", token.expected));
  if (steps.length === 0 && !expected) return null;
  return section("What to do", steps.length > 0 && h("ul", { className: "steps plain" }, steps.map((step) => h("li", {}, step))), expected);
}

/** Only what a browser may open without running it. */
function safe(url) {
  return /^https?:\/\//i.test(url) ? url : undefined;
}
