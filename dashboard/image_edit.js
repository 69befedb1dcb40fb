// What may be changed of one image: who may see it, its metadata, its creator.

import { h, replace } from "./dom.js";
import * as api from "./api.js";
import { badge, button, confirm, field, form, load, outside, section, toast, toggle, when } from "./ui.js";
import { count, plain } from "./format.js";
import { isObject, mistake, parse, pretty } from "./json.js";

const NEEDS_WRITE = "This needs a token with the scope write.";

/** What was typed and not saved, by account and image: it outlives leaving the page, not the tab. */
const drafts = new Map();

function warn(event) {
  event.preventDefault();
}

function keep(key, text) {
  if (text === null) drafts.delete(key);
  else drafts.set(key, text);
  if (drafts.size > 0) window.addEventListener("beforeunload", warn);
  else window.removeEventListener("beforeunload", warn);
}

function patch(image, changes) {
  return api.call("PATCH", api.imagePath(image.id), { json: changes });
}

/** The switch between public and private. `changed` is called after each change. */
export function privacy({ image, variants }, changed) {
  const open = variants.filter(({ neverRequireSignedURLs }) => neverRequireSignedURLs).map(({ id }) => id);
  const text = h("p", { className: "hint" });
  const element = toggle("Require signed URLs", image.requireSignedURLs, async (wanted) => {
    if (!wanted && !(await mayOpen())) {
      element.querySelector("input").checked = true;
      return;
    }
    await patch(image, { requireSignedURLs: wanted });
    image.requireSignedURLs = wanted;
    say();
    changed();
    if (wanted) toast("The image is private. Browsers and caches that have it may show it until it is stale there.");
  }, { disabled: !api.may("write") });

  function mayOpen() {
    return confirm("Make this image public?", "Anyone who knows or guesses a URL of it can then see it, in every variant. Caches on the way may keep it after you make it private again.", "Make public", { kind: "primary" });
  }
  function say() {
    const but = open.length > 0 ? ` ${open.length === 1 ? "The variant" : "The variants"} ${open.join(", ")} ${open.length === 1 ? "is" : "are"} open to anyone all the same.` : "";
    text.textContent = image.requireSignedURLs
      ? `Private: only links that are signed with one of your keys show it.${but}`
      : "Public: anyone with a URL of it can see it. Switch this on to make it private.";
  }
  say();
  return h("div", { className: "privacy" }, element, text, !api.may("write") && h("p", { className: "hint" }, NEEDS_WRITE));
}

/** The editor of the metadata. */
export function metadata({ image }, changed, signal) {
  const key = `${api.session.account_id}\n${image.id}`;
  let saved = pretty(image.meta ?? {});
  const draft = drafts.get(key);
  const input = h("textarea", { value: draft ?? saved, spellcheck: false, autocapitalize: "off", rows: Math.min(16, Math.max(5, (draft ?? saved).split("\n").length + 1)), readOnly: !api.may("write") });
  const size = h("p", { className: "hint" });
  const one = field("JSON object", input);
  const back = draft !== undefined && h("p", { className: "hint" }, "This is what you typed before and did not save.");
  const restore = button("Discard changes", { onclick: () => {
    input.value = saved;
    update();
    input.focus();
  } });
  const tidy = button("Format", { kind: "quiet", onclick: () => {
    input.value = pretty(parse(input.value));
    update();
  } });
  const editor = form([one, size], "Save metadata", save, { settled: update });
  editor.send.before(tidy, restore);

  async function save() {
    const what = update();
    if (what === null) return input.focus();
    await patch(image, { metadata: what });
    image.meta = what;
    saved = pretty(what);
    input.value = saved;
    update();
    if (back) back.remove();
    toast("Metadata saved");
    changed();
  }
  /** Says what is wrong with the text as it is; the object it stands for, or null. */
  function update() {
    const text = input.value;
    const wrong = mistake(text);
    const what = wrong ? null : parse(text);
    const good = what !== null && isObject(what);
    one.fail(wrong ? `Line ${wrong.line}, column ${wrong.column}: ${wrong.message}` : good ? null : "Metadata must be an object: { … }.");
    const dirty = text !== saved;
    replace(size, good ? count(new TextEncoder().encode(JSON.stringify(what)).length, "byte") : "", dirty && badge("Not saved", "warn"));
    keep(key, dirty ? text : null);
    restore.hidden = !dirty;
    tidy.hidden = !good || text === pretty(what);
    editor.send.disabled = !dirty || !good || !api.may("write");
    return good ? what : null;
  }
  input.addEventListener("input", update);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) editor.requestSubmit();
  });
  update();
  signal.addEventListener("abort", () => drafts.has(key) && api.session && toast("Metadata that is not saved is kept until this tab is closed."));
  return section("Metadata", back, editor, !api.may("write") && h("p", { className: "hint" }, NEEDS_WRITE));
}

/** The editor of the creator. */
export function creator({ image }, changed) {
  const input = h("input", { type: "text", value: image.creator ?? "", autocomplete: "off", spellcheck: false, readOnly: !api.may("write") });
  const seen = h("p", { className: "hint" });
  const editor = form([field("Name", input, { hint: "Whose image it is, in your own terms. Empty: nobody's." }), seen], "Save creator", async () => {
    const wanted = input.value === "" ? null : input.value;
    const result = await patch(image, { creator: wanted });
    image.creator = result.creator;
    toast("Creator saved");
    changed();
  }, { settled: () => update() });
  const update = () => {
    // A field shows marks by what they do, not as what they are.
    seen.hidden = plain(input.value) === input.value;
    replace(seen, "With marks that are not seen: ", outside(input.value));
    editor.send.disabled = input.value === (image.creator ?? "") || !api.may("write");
  };
  input.addEventListener("input", update);
  update();
  return editor;
}

const DONE = { uploaded: "Uploaded", changed: "Changed", deleted: "Deleted" };

/** What was done to the image; the function that is returned reads it anew. */
export function history({ image }, signal) {
  const place = h("div", {});
  const read = () => load(place, () => api.call("GET", api.own(`/history${api.query({ image: image.id })}`), { signal }), ({ events }) => {
    if (events.length === 0) return h("p", { className: "empty" }, "Nothing was noted.");
    return h("ol", { className: "history" }, events.map(({ at, action, by, changes }) => h("li", {},
      h("p", {}, h("strong", {}, DONE[action] ?? action), by && [" by ", outside(by)], " ", h("span", { className: "faint" }, when(at))),
      h("ul", {}, Object.entries(changes ?? {}).map(([name, change]) => h("li", { className: "hint" }, describe(name, change)))))));
  });
  read();
  return { element: section("History", place), read };
}

function describe(name, change) {
  if (name === "requireSignedURLs") return change.to ? "made private" : "made public";
  if (name === "metadata") return "other metadata";
  if (change?.to === undefined) return name;
  const text = (value) => (value === null || value === "" ? "none" : outside(value));
  return [`${name}: `, text(change.from ?? null), " \u2192 ", text(change.to)];
}
