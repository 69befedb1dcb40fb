// Addresses of pictures, and the text around them.

import { session } from "./api.js";

/** The unsigned URL of an image with a variant's name, or options, as its last segment. */
export function deliveryUrl(image, segment, origin = session.public_url) {
  // What the server writes is what it signs; an account without variants has no such example.
  const known = image.variants?.[0];
  const path = known ? new URL(known).pathname.replace(/[^/]*$/, "") : `/${session.account_hash}/${image.id.split("/").map(encodeURIComponent).join("/")}/`;
  return origin + path + encodeOptions(segment);
}

/** Options as they go into a path: what the grammar of options needs stays as it is. */
function encodeOptions(text) {
  return encodeURIComponent(text).replace(/%(2C|3D|3B|3A|40|24|2B)/g, decodeURIComponent);
}

/** Path and query of a URL as they are written. */
export function target(url) {
  return url.replace(/^[a-z]+:\/\/[^/]*/i, "");
}

/** A text as one word of a shell. */
export function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A text within a quoted attribute of HTML. */
export function escaped(text) {
  return text.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`).replaceAll("&#38;", "&amp;");
}

/** Whether a variant of the image needs a signature. */
export function needsSignature(image, variant) {
  return image.requireSignedURLs && !variant?.neverRequireSignedURLs;
}

const MOVES = ["rotate", "trim", "dpr", "zoom"];

/**
 * The size in which a variant shows an image, or null where its options do more than this counts: then
 * only the picture itself tells.
 */
export function sizeOf(image, { width, height, fit = "scale-down", ...others }) {
  if (!image.width || !image.height || Object.keys(others).some((name) => MOVES.includes(name.split(".")[0]))) return null;
  if (!width && !height) return { width: image.width, height: image.height, whole: true };
  const across = width ? width / image.width : Infinity;
  const down = height ? height / image.height : Infinity;
  const inside = ["scale-down", "contain", "scale-up"].includes(fit) || !width || !height;
  if (!inside) return fit === "crop" ? null : { width, height, whole: false };
  const wanted = Math.min(across, down);
  const scale = { "scale-down": Math.min(1, wanted), crop: Math.min(1, wanted), "scale-up": Math.max(1, wanted) }[fit] ?? wanted;
  return { width: Math.max(1, Math.round(image.width * scale)), height: Math.max(1, Math.round(image.height * scale)), whole: true };
}

/** The code that makes a browser choose among `[{ url, width }…]` by the width it shows the picture in. */
export function srcset(image, sources, sizes) {
  const sorted = [...sources].sort((a, b) => a.width - b.width);
  const list = sorted.map(({ url, width }) => `    ${escaped(url)} ${width}w`).join(",\n");
  const { width, height } = image;
  return `<img\n  src="${escaped(sorted.at(-1).url)}"\n  srcset="\n${list}"\n  sizes="${escaped(sizes)}"\n  width="${width}" height="${height}" loading="lazy"\n  alt="">`;
}
