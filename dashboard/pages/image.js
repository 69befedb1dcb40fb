// One image: how it looks, who may see it, what is known of it, and links to it.

import { h, replace } from "../dom.js";
import * as api from "../api.js";
import { badge, button, confirm, copyButton, outside, pageHead, privacyBadge, section, toast, when } from "../ui.js";
import { bytes, count, moment } from "../format.js";
import { parse } from "../json.js";
import { listAddress } from "../place.js";
import { comparison, preview } from "../image_preview.js";
import { creator, history, metadata, privacy } from "../image_edit.js";
import { addresses, markup } from "../image_links.js";
import { signing } from "../image_sign.js";

/** The image with numbers in its metadata as they were uploaded. */
async function read(id, signal) {
  const answer = await api.fetchRaw("GET", api.own(`/image${api.query({ id })}`), { signal });
  return parse(await answer.text()).result;
}

/** All that the page shows. Domains and keys are helpful, and the page goes without them. */
async function readAll(id, signal) {
  const optional = (path, name) => api.call("GET", api.own(path), { signal }).then((result) => result[name], () => []);
  const [image, variants, config, domains, keys] = await Promise.all([
    read(id, signal),
    api.call("GET", api.images("/v1/variants"), { signal }),
    api.call("GET", api.images("/v1/config"), { signal }),
    optional("/domains", "domains"),
    optional("/keys", "keys"),
  ]);
  return { image, variants: Object.values(variants.variants), config, domains, keys };
}

export async function render({ root, query, signal }) {
  const id = query.get("id");
  const back = h("a", { href: listAddress(), className: "back" }, "\u2039 Hosted images");
  if (!id) return missing(root, back, "No image is named in the address.");
  if (!api.may("read")) return missing(root, back, "This page needs a token with the scope read.");
  replace(root, back, pageHead("Image"), h("div", { "aria-busy": "true" }));
  let about;
  try {
    about = await readAll(id, signal);
  } catch (error) {
    if (error.status === 404) return missing(root, back, "There is no such image. It may have been deleted.", id);
    throw error;
  }
  if (signal.aborted) return;
  show(root, back, about, signal);
}

function missing(root, back, text, id) {
  replace(root, back, pageHead("Image"), h("div", { className: "failure" }, h("p", {}, text)), id && h("p", { className: "faint" }, outside(id)));
}

function show(root, back, about, signal) {
  const { image } = about;
  const privacyPlace = h("span", {}, privacyBadge(image.requireSignedURLs));
  const past = history(about, signal);
  const signPanel = signing(about, signal);
  const urls = addresses(about, (variant) => signPanel.choose?.(variant));
  const code = markup(about, signal);
  const changed = () => past.read();
  const switched = () => {
    replace(privacyPlace, privacyBadge(image.requireSignedURLs));
    urls.update();
    code.update();
    past.read();
  };
  const name = image.filename ?? image.id;
  const head = pageHead(outside(name, { title: name.length > 80 ? name : undefined }), null, actions(image));
  head.firstChild.append(h("p", { className: "subtitle" }, privacyPlace, image.frames > 1 && badge("Animated")));
  document.title = `${name.slice(0, 60)} \u00b7 Safelight`;
  replace(root, back, head, h("div", { className: "image-page" },
    h("div", { className: "stack" }, preview(about, signal)),
    h("div", { className: "stack" }, section("Access", privacy(about, switched)), facts(image), section("Creator", creator(about, changed))),
    h("div", { className: "stack" }, signPanel, urls, code, comparison(about, signal)),
    h("div", { className: "stack" }, metadata(about, changed, signal), past.element)));
}

function facts(image) {
  const known = image.width ? ` \u00b7 ${image.width} \u00d7 ${image.height}` : "";
  const rows = [
    ["Id", h("div", { className: "id" }, h("code", { tabIndex: image.id.length > 100 ? 0 : undefined }, outside(image.id)), copyButton("Copy the id", image.id, { kind: "quiet", hideLabel: true }))],
    ["File name", image.filename === undefined ? h("span", { className: "faint" }, "none") : outside(image.filename)],
    ["Uploaded", h("span", {}, when(image.uploaded), h("span", { className: "faint" }, ` \u00b7 ${moment(image.uploaded)}`))],
    ["Original", `${image.format} \u00b7 ${bytes(image.bytes)}${known}`],
    image.frames > 1 && ["Frames", count(image.frames, "frame")],
  ].filter(Boolean);
  return section("Details", h("dl", { className: "facts" }, rows.map(([term, what]) => [h("dt", {}, term), h("dd", {}, what)]).flat()));
}

function actions(image) {
  const download = button("Download original", { drawing: "download", onclick: () => fetchOriginal(image, download) });
  const remove = button("Delete", { kind: "danger", drawing: "trash", onclick: () => deleteImage(image), disabled: !api.may("write"), title: api.may("write") ? undefined : "Deleting needs a token with the scope write." });
  return h("div", { className: "actions" }, download, remove);
}

async function fetchOriginal(image, element) {
  element.disabled = true;
  try {
    const answer = await api.fetchRaw("GET", `${api.imagePath(image.id)}/blob`);
    const address = URL.createObjectURL(await answer.blob());
    h("a", { href: address, download: fileName(image) }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    toast(error.message, "bad");
  }
  element.disabled = false;
}

/** What the file is called on the reader's disk: the browser takes out what the disk does not allow. */
function fileName({ filename, id, format }) {
  return filename ?? `${id.split("/").at(-1).slice(0, 100)}.${format.replace("image/", "").replace("jpeg", "jpg").replace("+xml", "")}`;
}

async function deleteImage(image) {
  const sure = await confirm("Delete this image?", [
    h("p", {}, outside(image.filename ?? image.id, { className: "clamp" })),
    h("p", {}, "The original and all that was made of it are removed. Every link to it ends, signed ones too. This cannot be taken back."),
  ], "Delete");
  if (!sure) return;
  try {
    await api.call("DELETE", api.imagePath(image.id));
    toast("Image deleted");
    location.hash = listAddress();
  } catch (error) {
    toast(error.message, "bad");
  }
}
