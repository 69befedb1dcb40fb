// A picture as it would be with some options, beside its original, while the options change.

import { h, replace } from "./dom.js";
import * as api from "./api.js";
import { href } from "./app.js";
import { button, field, failure, linkButton, outside, select } from "./ui.js";
import { bytes, number, plain } from "./format.js";

const DELAY_MS = 300;
const NEWEST = 20;
const ACCEPT = "image/avif,image/webp,image/*,*/*;q=0.8";
const FORMATS = [["auto", "What this browser gets"], ["avif", "AVIF"], ["webp", "WebP"], ["jpeg", "JPEG"], ["png", "PNG"]];

// The picture stays chosen from one variant to the next.
let remembered = null;

/** The element's `show(options)` draws a text of options; the last one counts. */
export function preview({ signal }) {
  const format = select(FORMATS, "auto", { onchange: () => draw(state) });
  const strip = h("div", { className: "strip", role: "group", "aria-label": "Newest images" });
  const state = {
    signal, format, strip, options: null, image: remembered, timer: null, running: new AbortController(), address: null,
    original: pane("Original"), result: pane("With these options"),
  };
  const byId = field("Another image, by its ID", h("input", { type: "text", autocomplete: "off", spellcheck: false }));
  const find = h("form", { className: "row", noValidate: true }, byId, button("Show", { type: "submit" }));
  find.addEventListener("submit", (event) => {
    event.preventDefault();
    findImage(state, byId);
  });
  const element = h("div", { className: "tryout" },
    h("div", { className: "compare" }, state.original.element, state.result.element),
    h("details", { className: "choose", open: matchMedia("(min-width: 1100px)").matches }, h("summary", {}, "Image and format"),
      h("div", { className: "form" }, state.strip, find, field("Format", format))));
  element.show = (options) => {
    state.options = options;
    clearTimeout(state.timer);
    state.timer = setTimeout(() => draw(state), DELAY_MS);
  };
  signal.addEventListener("abort", () => {
    clearTimeout(state.timer);
    state.running.abort();
    if (state.address) URL.revokeObjectURL(state.address);
  });
  fillStrip(state);
  return element;
}

function pane(label) {
  const box = h("div", { className: "picture" });
  const facts = h("p", { className: "hint", "aria-live": "polite" });
  const problem = h("div", { className: "problems" });
  return { box, facts, problem, element: h("figure", {}, h("figcaption", {}, h("strong", {}, label)), box, facts, problem) };
}

async function fillStrip(state) {
  try {
    const { images } = await api.call("GET", api.own(`/images?per_page=${NEWEST}`), { signal: state.signal });
    if (images.length === 0 && !state.image) {
      replace(state.strip, h("p", { className: "hint" }, "There are no images yet to see the variant on."), linkButton("Upload one", href("images")));
      return;
    }
    state.pictures = images.map((image) => thumbnail(state, image));
    replace(state.strip, state.pictures);
    choose(state, state.image ?? images[0]);
  } catch (error) {
    if (error.name !== "AbortError") replace(state.strip, failure(error, () => fillStrip(state)));
  }
}

function thumbnail(state, image) {
  const name = plain(image.filename ?? image.id);
  const picture = h("img", { src: api.previewUrl(image.id, { options: "width=128,height=96,fit=cover" }), alt: "", loading: "lazy", decoding: "async", width: 64, height: 48 });
  const element = h("button", { type: "button", title: name, "aria-label": name, onclick: () => choose(state, image) }, picture);
  element.image = image.id;
  // What cannot be drawn is still to be chosen, by its name.
  picture.addEventListener("error", () => replace(element, h("span", {}, name.slice(0, 12))));
  return element;
}

async function findImage(state, byId) {
  byId.fail(null);
  const id = byId.input.value.trim();
  if (id === "") return;
  try {
    choose(state, await api.call("GET", api.own(`/image${api.query({ id })}`), { signal: state.signal }));
  } catch (error) {
    if (error.name !== "AbortError") byId.fail(error.message);
  }
}

function choose(state, image) {
  state.image = image;
  remembered = image;
  state.pictures?.forEach((one) => one.setAttribute("aria-pressed", String(one.image === image.id)));
  const kind = image.format.replace("image/", "").toUpperCase();
  replace(state.original.facts, `${number(image.width)} × ${number(image.height)}, ${bytes(image.bytes)}, ${kind}: `, outside(image.filename ?? image.id, { className: "cut" }));
  const picture = h("img", { alt: plain(image.filename ?? image.id), decoding: "async", src: api.previewUrl(image.id, { options: "width=1200,height=1200,fit=scale-down" }) });
  replace(state.original.problem);
  picture.addEventListener("error", () => replace(state.original.problem, h("p", { className: "hint" }, "The original cannot be shown.")));
  replace(state.original.box, picture);
  draw(state);
}

/** Draws what was asked for last; what is under way for older options ends. */
async function draw(state) {
  const { image, options, result, format } = state;
  state.running.abort();
  if (!image || options === null || state.signal.aborted) return;
  state.running = new AbortController();
  const { signal } = state.running;
  result.box.setAttribute("aria-busy", "true");
  try {
    const path = api.previewUrl(image.id, { options, format: format.value });
    const answer = await api.fetchRaw("GET", path, { signal, accept: ACCEPT });
    const blob = await answer.blob();
    await showResult(state, blob, signal);
  } catch (error) {
    if (signal.aborted) return;
    replace(result.problem, h("p", { className: "field-error", role: "alert" }, error.message));
    result.box.classList.add("stale");
  }
  result.box.removeAttribute("aria-busy");
}

async function showResult(state, blob, signal) {
  const { image, result } = state;
  const address = URL.createObjectURL(blob);
  const picture = h("img", { alt: `${plain(image.filename ?? image.id)} with these options`, src: address });
  try {
    await picture.decode();
  } catch {
    URL.revokeObjectURL(address);
    throw new Error(`This browser cannot show ${blob.type}. Choose another format.`);
  }
  if (signal.aborted) {
    URL.revokeObjectURL(address);
    return;
  }
  if (state.address) URL.revokeObjectURL(state.address);
  state.address = address;
  const share = Math.max(0.1, (100 * blob.size) / image.bytes);
  const size = `${number(picture.naturalWidth)} × ${number(picture.naturalHeight)}`;
  replace(result.facts, `${size}, ${bytes(blob.size)}, ${blob.type.replace("image/", "").toUpperCase()}: ${number(share)} % of the original`);
  replace(result.problem);
  result.box.classList.remove("stale");
  replace(result.box, picture);
}
