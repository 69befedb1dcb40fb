// The ways in which pictures get into the queue: a dialog, dropping, and pasting.

import { h } from "./dom.js";
import { dialog, field, form, outside, toast, toggle } from "./ui.js";
import { again, uploadFiles, uploadUrls } from "./upload.js";

/** What is sent with a picture unless someone says otherwise: nobody sees it without a signed URL. */
const PRIVATE = { requireSignedURLs: "true" };

// Where the open dialog takes files.
let inDialog = null;

/** Opens the dialog; with an upload that failed, to change what goes with it and try again. */
export function openUploader(failed) {
  return dialog(failed ? "Change the upload" : "Upload images", (close) => {
    const source = failed ? failedSource(failed) : newSource();
    const fields = failed?.fields ?? PRIVATE;
    let isPrivate = fields.requireSignedURLs === "true";
    const privacy = toggle("Require signed URLs", isPrivate, async (on) => {
      isPrivate = on;
    }, { hint: "Off: anyone who has the URL sees the image." });
    const id = field("Custom ID", h("input", { type: "text", spellcheck: false, maxLength: 1024, value: fields.id ?? "" }), { optional: true, hint: "For a single image; slashes are allowed." });
    const creator = field("Creator", h("input", { type: "text", maxLength: 1024, value: fields.creator ?? "" }), { optional: true });
    const metadata = field("Metadata", h("textarea", { rows: 2, spellcheck: false, placeholder: '{"order": 17}', value: fields.metadata ?? "" }), { optional: true, hint: "A JSON object of at most 1,024 bytes, the same for all." });
    const details = h("details", { open: Boolean(failed) }, h("summary", {}, "ID, creator, metadata"), id, creator, metadata);
    return form([source.element, privacy, details], "Upload", async () => {
      const problems = [[metadata, metadataProblem(metadata.input.value)], [id, id.input.value !== "" && source.count() > 1 ? "An ID can be given to a single image alone." : null]];
      for (const [one, problem] of problems) {
        one.fail(problem);
        if (problem) details.open = true;
      }
      if (!source.isChosen() || problems.some(([, problem]) => problem)) return;
      source.upload({ requireSignedURLs: String(isPrivate), id: id.input.value, creator: creator.input.value, metadata: metadata.input.value.trim() });
      close();
    }, { cancel: () => close() });
  });
}

/** Files and addresses to choose. */
function newSource() {
  const files = field("Files", h("input", { type: "file", multiple: true, accept: "image/*,.heic,.heif,.jxl,.avif,.svg,.tif,.tiff,.bmp" }), { hint: "Or drop files anywhere on the page, or paste them." });
  const urls = field("Or addresses", h("textarea", { rows: 3, spellcheck: false, placeholder: "https://example.com/picture.jpg" }), { hint: "One on each line; the server fetches them." });
  inDialog = files.input;
  const lines = () => urls.input.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const count = () => files.input.files.length + lines().length;
  const isChosen = () => {
    files.fail(count() === 0 ? "Choose files, or enter an address." : null);
    return count() > 0;
  };
  const upload = (fields) => {
    if (files.input.files.length > 0) uploadFiles(files.input.files, fields);
    if (lines().length > 0) uploadUrls(lines(), fields);
  };
  return { element: h("div", { className: "form" }, files, urls), count, isChosen, upload };
}

/** The one that failed, and why. */
function failedSource(job) {
  const element = h("div", {}, h("p", {}, outside(job.label)), h("p", { className: "field-error" }, job.error));
  return { element, count: () => 1, isChosen: () => true, upload: (fields) => again([job], fields) };
}

/** What is wrong with a text that should be a JSON object; null if nothing is. */
function metadataProblem(text) {
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
    dropped(event.dataTransfer).then(take, (error) => toast(error.message, "bad"));
  });
  on("paste", (event) => {
    if (event.clipboardData?.files.length > 0) take(event.clipboardData.files);
  });
  signal.addEventListener("abort", () => cover.remove());
}

/** The files of a drop, also those within folders. */
async function dropped(data) {
  const files = [...data.files];
  // Both must be read before the event ends.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return files;
  const found = [];
  for (const entry of entries) await gather(entry, found);
  return found;
}

async function gather(entry, found) {
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) found.push(await new Promise((give, fail) => entry.file(give, fail)));
  if (!entry.isDirectory) return;
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((give, fail) => reader.readEntries(give, fail));
    if (some.length === 0) return;
    for (const one of some) await gather(one, found);
  }
}

function take(files) {
  if (files.length === 0) {
    toast("Nothing that was dropped is a file.", "bad");
    return;
  }
  if (!inDialog?.isConnected) {
    uploadFiles(files, PRIVATE);
    return;
  }
  const all = new DataTransfer();
  for (const file of [...inDialog.files, ...files]) all.items.add(file);
  inDialog.files = all.files;
}
