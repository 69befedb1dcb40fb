// The ways in which pictures get into the queue: a dialog, dropping, and pasting.

import { h } from "./dom.js";
import { dialog, field, form, toast, toggle } from "./ui.js";
import { uploadFiles, uploadUrls } from "./upload.js";

/** What is sent with a picture unless someone says otherwise: nobody sees it without a signed URL. */
const PRIVATE = { requireSignedURLs: "true" };

/** Opens the dialog. */
export function openUploader() {
  return dialog("Upload images", (close) => {
    const files = field("Files", h("input", { type: "file", multiple: true, accept: "image/*,.heic,.heif,.jxl,.avif,.svg,.tif,.tiff,.bmp" }), { hint: "Or drop files anywhere on the page, or paste them." });
    const urls = field("Or addresses", h("textarea", { rows: 3, spellcheck: false, placeholder: "https://example.com/picture.jpg" }), { hint: "One on each line; the server fetches them." });
    let isPrivate = true;
    const privacy = toggle("Require signed URLs", true, async (on) => {
      isPrivate = on;
    }, { hint: "Off: anyone who has the URL sees the image." });
    const id = field("Custom ID", h("input", { type: "text", spellcheck: false, maxLength: 1024 }), { optional: true, hint: "For a single image; slashes are allowed." });
    const creator = field("Creator", h("input", { type: "text", maxLength: 1024 }), { optional: true });
    const metadata = field("Metadata", h("textarea", { rows: 2, spellcheck: false, placeholder: '{"order": 17}' }), { optional: true, hint: "A JSON object of at most 1,024 bytes, the same for all." });
    return form([files, urls, privacy, h("details", {}, h("summary", {}, "ID, creator, metadata"), id, creator, metadata)], "Upload", async () => {
      const lines = urls.input.value.split("\n").map((line) => line.trim()).filter(Boolean);
      const chosen = [...files.input.files];
      const all = chosen.length + lines.length;
      files.fail(all === 0 ? "Choose files, or enter an address." : null);
      id.fail(id.input.value !== "" && all > 1 ? "An ID can be given to a single image alone." : null);
      metadata.fail(metadataProblem(metadata.input.value));
      if (all === 0 || (id.input.value !== "" && all > 1) || metadataProblem(metadata.input.value)) return;
      const fields = { requireSignedURLs: String(isPrivate), id: id.input.value, creator: creator.input.value, metadata: metadata.input.value.trim() };
      uploadFiles(chosen, fields);
      uploadUrls(lines, fields);
      close();
    }, { cancel: () => close() });
  });
}

/** What is wrong with a text that should be a JSON object; null if nothing is. */
export function metadataProblem(text) {
  if (text.trim() === "") return null;
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? null : "It must be an object: { … }";
  } catch (error) {
    return `This is no JSON: ${error.message}`;
  }
}

/** Takes what is dropped on or pasted into the page until the signal ends. */
export function acceptDrops(signal) {
  const cover = h("div", { className: "drop-cover", hidden: true }, h("p", {}, "Drop images to upload them as private"));
  document.body.append(cover);
  let depth = 0;
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const on = (name, listener) => window.addEventListener(name, listener, { signal });
  const show = (inside) => {
    depth = inside;
    cover.hidden = depth <= 0;
  };
  on("dragenter", (event) => hasFiles(event) && show(depth + 1));
  on("dragleave", (event) => hasFiles(event) && show(depth - 1));
  on("dragover", (event) => hasFiles(event) && event.preventDefault());
  on("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show(0);
    take(event.dataTransfer.files);
  });
  on("paste", (event) => {
    if (event.clipboardData?.files.length > 0) take(event.clipboardData.files);
  });
  signal.addEventListener("abort", () => cover.remove());
}

function take(files) {
  if (files.length === 0) {
    toast("Nothing that was dropped is a file.", "bad");
    return;
  }
  uploadFiles(files, PRIVATE);
}
