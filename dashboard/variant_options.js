// The options of a variant: as the API has them, as fields, and as text of a URL.

/**
 * The options that have a field of their own. `kind` is the field's: a choice, a number, an amount that is
 * pulled, a text with suggestions, or a colour. A value that is `unset` is not sent.
 */
export const FIELDS = [
  { name: "fit", label: "Fit", group: "Size", kind: "choice", unset: "scale-down", values: [
    ["scale-down", "scale-down: fit within, never enlarge"], ["contain", "contain: fit within"], ["cover", "cover: fill, cut what is over"],
    ["crop", "crop: fill, cut, never enlarge"], ["aspect-crop", "aspect-crop: cut to the shape, never enlarge"], ["pad", "pad: fit within, fill up with the background"],
    ["squeeze", "squeeze: stretch to the size"], ["scale-up", "scale-up: fit within, never shrink"]] },
  { name: "width", label: "Width", group: "Size", kind: "number", unset: "", min: 1, max: 12_000 },
  { name: "height", label: "Height", group: "Size", kind: "number", unset: "", min: 1, max: 12_000 },
  { name: "gravity", label: "Gravity", group: "Size", kind: "text", unset: "", hint: "What stays when something is cut: a side, auto, face, or 0.5x0.3.",
    suggested: ["center", "top", "bottom", "left", "right", "auto", "face", "0.5x0.3"] },
  { name: "quality", label: "Quality", group: "Look", kind: "text", unset: "", hint: "1 to 100, or a word; 85 if empty.", suggested: ["high", "medium-high", "medium-low", "low"] },
  { name: "background", label: "Background", group: "Look", kind: "colour", unset: "", hint: "A CSS colour, behind padding and transparency." },
  { name: "blur", label: "Blur", group: "Look", kind: "amount", unset: "0", max: 250, step: 1 },
  { name: "sharpen", label: "Sharpen", group: "Look", kind: "amount", unset: "0", max: 10, step: 0.1 },
  { name: "rotate", label: "Rotate", group: "Look", kind: "choice", unset: "0", values: [["0", "no"], ["90", "90° clockwise"], ["180", "180°"], ["270", "90° anticlockwise"]] },
  { name: "flip", label: "Flip", group: "Look", kind: "choice", unset: "", values: [["", "no"], ["h", "left and right"], ["v", "top and bottom"], ["hv", "both"]] },
  { name: "anim", label: "Animations", group: "Look", kind: "choice", unset: "true", values: [["true", "keep moving"], ["false", "first frame only"]] },
  { name: "metadata", label: "Metadata in the file", group: "Look", kind: "choice", unset: "copyright", values: [["copyright", "copyright only"], ["keep", "keep all"], ["none", "remove all"]] },
];

const ALIASES = { w: "width", h: "height", q: "quality", g: "gravity" };

/** Items of a text of options; commas within brackets belong to a colour. */
function items(text) {
  return text.split(/,(?![^(]*\))/).map((item) => item.trim()).filter((item) => item !== "");
}

/** `a=1,b=2` as `[name, value]` pairs, with the long names; throws what is wrong with it. */
export function parseText(text) {
  return items(text).map((item) => {
    const at = item.indexOf("=");
    if (at < 1) throw new Error(`“${item}” is not of the form option=value.`);
    const name = item.slice(0, at).trim();
    return [ALIASES[name] ?? name, decoded(item.slice(at + 1).trim())];
  });
}

function decoded(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** `[name, value]` pairs as a person would write them. */
export function writeText(pairs) {
  return pairs.map(([name, value]) => `${name}=${value}`).join(",");
}

/** What is written in a URL, or in a preview of it. */
export function urlText(pairs) {
  const safe = (value) => encodeURIComponent(value).replaceAll("%3B", ";").replaceAll("%20", " ");
  return pairs.map(([name, value]) => `${encodeURIComponent(name)}=${safe(value)}`).join(",");
}

/** The options of the API as pairs for fields, pairs for the line of others, overlays, and the TTL. */
export function split(options) {
  const { draw = null, browser_ttl: ttl = null, ...rest } = options;
  const pairs = Object.entries(rest).map(([name, value]) => [name, String(value)]);
  const hasField = ([name]) => FIELDS.some((one) => one.name === name);
  return { fields: new Map(pairs.filter(hasField)), others: pairs.filter((pair) => !hasField(pair)), draw, ttl };
}

/** Pairs, overlays and TTL as the API has them. */
export function join(pairs, draw, ttl) {
  const typed = (value) => (/^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value === "true" || value === "false" ? value === "true" : value);
  return { ...Object.fromEntries(pairs.map(([name, value]) => [name, typed(value)])), ...(draw && { draw }), ...(ttl !== null && { browser_ttl: ttl }) };
}

/** The options in a few words, without those that say nothing. */
export function summary(options) {
  const { fields, others, draw } = split(options);
  const told = FIELDS.filter(({ name, unset }) => fields.has(name) && (fields.get(name) !== unset || name === "fit")).map(({ name }) => [name, fields.get(name)]);
  return `${writeText([...told, ...others]).replaceAll(",", ", ")}${draw ? `, draw (${draw.length})` : ""}`;
}
