// One image as its variants and formats show it.

import { h, replace } from "./dom.js";
import * as api from "./api.js";
import { badge, button, failure, field, section, select } from "./ui.js";
import { bytes, number } from "./format.js";
import { variantChoice } from "./choice.js";

/** What this browser would ask for in an `<img>`. */
const ACCEPT = "image/avif,image/webp,image/*;q=0.8";
const FORMATS = [["jpeg", "JPEG"], ["png", "PNG"], ["webp", "WebP"], ["avif", "AVIF"]];

/** Fetches a picture for its owner: the blob, its size in pixels, and how long it took. */
async function fetchPicture(id, what, signal) {
  const started = performance.now();
  const answer = await api.fetchRaw("GET", api.previewUrl(id, what), { signal, accept: ACCEPT });
  const blob = await answer.blob();
  const took = performance.now() - started;
  const resized = answer.headers.get("Cf-Resized") ?? "";
  const [, origin] = /internal=ok\/(\w)/.exec(resized) ?? [];
  const [, made] = /\bn=(\d+)/.exec(resized) ?? [];
  return { blob, type: blob.type.split(";")[0], took, stored: origin === "h", made: made && origin !== "h" ? Number(made) : null };
}

/** How long it took, in words. */
function speed({ took, made, stored }) {
  const answered = `answered in ${number(Math.round(took))} ms`;
  if (made !== null) return `made in ${number(made)} ms, ${answered}`;
  return stored ? `was stored, ${answered}` : answered;
}

/** A picture's size in pixels: what is no raster picture to the browser has none. */
async function measure(blob) {
  try {
    const bitmap = await createImageBitmap(blob);
    const size = { width: bitmap.width, height: bitmap.height };
    bitmap.close();
    return size;
  } catch {
    return null;
  }
}

const cross = (size) => (size ? `${size.width} \u00d7 ${size.height}` : "size unknown");

/** The large preview. */
export function preview({ image, variants }, signal) {
  const frame = h("div", { className: "picture preview", style: image.width ? { "aspect-ratio": `${image.width} / ${image.height}` } : {} });
  const facts = h("p", { className: "hint preview-facts", role: "status" });
  const choice = variantChoice({ variants, changed: show, hint: "As in a delivery URL. Here they work also while flexible variants are off." });
  const format = select([["auto", "Auto, for this browser"], ...FORMATS], "auto", { onchange: show });
  let running = new AbortController();
  let address = null;
  const drop = () => address && URL.revokeObjectURL(address);
  signal.addEventListener("abort", () => {
    running.abort();
    drop();
  });

  async function show() {
    running.abort();
    running = new AbortController();
    const own = running;
    frame.setAttribute("aria-busy", "true");
    try {
      const seen = await fetchPicture(image.id, { ...choice.what, format: format.value === "auto" ? "" : format.value }, own.signal);
      if (own.signal.aborted || signal.aborted) return;
      drop();
      address = URL.createObjectURL(seen.blob);
      const picture = h("img", { src: address, alt: `Preview of ${image.filename ?? "the image"}` });
      await picture.decode();
      if (own.signal.aborted) return;
      replace(frame, picture);
      replace(facts, h("strong", {}, `${seen.type} \u00b7 ${bytes(seen.blob.size)} \u00b7 ${picture.naturalWidth} \u00d7 ${picture.naturalHeight}`), ` \u00b7 ${speed(seen)}`);
    } catch (error) {
      if (error.name === "AbortError" || own.signal.aborted) return;
      const shown = error instanceof api.ApiError ? error : new Error("This browser cannot show the picture in this format.");
      replace(frame, failure(shown, show));
      replace(facts);
    }
    frame.removeAttribute("aria-busy");
  }
  show();
  return section("Preview", h("div", { className: "preview-choice" }, choice.element, field("Format", format)), frame, facts);
}

/** Every variant in every format: what each weighs, on demand. */
export function comparison({ image, variants }, signal) {
  const place = h("div", {});
  const start = button(`Compare ${variants.length === 1 ? "the formats" : "all variants"}`, { drawing: "grid", onclick: run, disabled: variants.length === 0 });
  const text = h("p", { className: "hint" }, "What each variant weighs in each format. Those that were never asked for are made now, which takes the server a moment.");

  async function run() {
    const own = new AbortController();
    const end = () => own.abort();
    signal.addEventListener("abort", end);
    const stop = button("Stop", { drawing: "cross", onclick: end });
    const rows = variants.map(({ id }) => ({ id, size: h("td", { className: "number" }, "\u2026"), cells: FORMATS.map(() => h("td", { className: "number faint" }, "\u2026")), seen: [] }));
    replace(place, frame(rows), stop);
    stop.focus();
    const jobs = rows.flatMap((row) => FORMATS.map(([format], at) => ({ row, at, format })));
    await api.forEach(jobs, 2, (job) => fill(job, image.id, own.signal));
    if (signal.aborted) return;
    signal.removeEventListener("abort", end);
    const again = button("Compare again", { drawing: "retry", onclick: run });
    const focused = document.activeElement === stop;
    stop.replaceWith(again);
    if (focused) again.focus();
  }
  replace(place, start);
  return section("Every variant in every format", text, place);
}

function frame(rows) {
  return h("div", { className: "table", tabIndex: 0, role: "region", "aria-label": "Variants by format" },
    h("table", {}, h("caption", { className: "hidden" }, "Variants by format"),
      h("thead", {}, h("tr", {}, ["Variant", "Pixels", ...FORMATS.map(([, name]) => name)].map((name, at) => h("th", { scope: "col", className: at > 0 ? "number" : "" }, name)))),
      h("tbody", {}, rows.map(({ id, size, cells }) => h("tr", {}, h("th", { scope: "row", className: "name" }, id), size, cells)))));
}

async function fill({ row, at, format }, id, signal) {
  const cell = row.cells[at];
  if (signal.aborted) return replace(cell, "not asked");
  try {
    const seen = await fetchPicture(id, { variant: row.id, format }, signal);
    row.seen[at] = seen.blob.size;
    cell.classList.remove("faint");
    const other = seen.type !== `image/${format}`;
    replace(cell, h("span", { title: speed(seen) }, bytes(seen.blob.size)), other && h("span", { className: "hint" }, ` as ${seen.type}`));
    if (row.size.textContent === "\u2026") replace(row.size, cross(await measure(seen.blob)));
    if (row.seen.filter(Boolean).length === FORMATS.length) {
      const best = row.seen.indexOf(Math.min(...row.seen));
      replace(row.cells[best], badge(bytes(row.seen[best]), "good", "check"), h("span", { className: "hidden" }, ", the smallest"));
    }
  } catch (error) {
    replace(cell, h("span", { className: "field-error" }, error.name === "AbortError" ? "stopped" : error.message));
  }
}
