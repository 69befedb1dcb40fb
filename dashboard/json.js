// JSON as a person writes it: where it is wrong, and numbers that keep every digit.

/** The first mistake in a JSON text, as `{ line, column, message }`, both from 1; null if there is none. */
export function mistake(text) {
  const reader = { text, at: 0 };
  try {
    value(reader, 0);
    blank(reader);
    if (reader.at < text.length) fail(reader, "There is something after the end.");
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    const before = text.slice(0, error.at).split("\n");
    return { line: before.length, column: before.at(-1).length + 1, message: error.message };
  }
  return null;
}

class Mistake extends Error {
  constructor(at, message) {
    super(message);
    this.at = at;
  }
}

const DEEPEST = 100;
const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const PIECE = /[^"\\\u0000-\u001f]+|\\(["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

function fail(reader, message) {
  throw new Mistake(reader.at, message);
}

function match(reader, pattern) {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null || found[0] === "") return false;
  reader.at = pattern.lastIndex;
  return true;
}

function blank(reader) {
  match(reader, /[ \t\r\n]*/y);
}

function value(reader, depth) {
  blank(reader);
  const first = reader.text[reader.at];
  if (first === undefined) fail(reader, "A value is missing at the end.");
  if (depth > DEEPEST) fail(reader, "This nests too deeply.");
  if (first === "{") return list(reader, "}", () => pair(reader, depth));
  if (first === "[") return list(reader, "]", () => value(reader, depth + 1));
  if (first === '"') return string(reader);
  if (first === "'") fail(reader, "Texts are in double quotes.");
  if (!match(reader, WORD) && !match(reader, NUMBER)) fail(reader, "A value is expected here: a text in double quotes, a number, true, false, null, [ or {.");
}

function list(reader, end, item) {
  reader.at += 1;
  blank(reader);
  if (reader.text[reader.at] === end) {
    reader.at += 1;
    return;
  }
  for (;;) {
    item();
    blank(reader);
    const next = reader.text[reader.at];
    if (next !== "," && next !== end) fail(reader, `A comma or ${end} is expected here.`);
    const comma = reader.at;
    reader.at += 1;
    if (next === end) return;
    blank(reader);
    if (reader.text[reader.at] === end) {
      reader.at = comma;
      fail(reader, `There must be no comma before ${end}.`);
    }
  }
}

function pair(reader, depth) {
  blank(reader);
  if (reader.text[reader.at] !== '"') fail(reader, "A name in double quotes is expected here.");
  string(reader);
  blank(reader);
  if (reader.text[reader.at] !== ":") fail(reader, "A colon is expected after the name.");
  reader.at += 1;
  value(reader, depth + 1);
}

function string(reader) {
  reader.at += 1;
  while (match(reader, PIECE));
  const next = reader.text[reader.at];
  if (next === '"') reader.at += 1;
  else if (next === "\\") fail(reader, "No such escape: write a backslash as \\\\.");
  else fail(reader, "The text in double quotes does not end on its line.");
}

/**
 * What JSON.parse gives, with numbers that a double cannot hold kept as they are written, where the
 * browser can: they must not change when an image's metadata is saved.
 */
export function parse(text) {
  if (!JSON.rawJSON) return JSON.parse(text);
  return JSON.parse(text, (_, one, context) => {
    return typeof one === "number" && context?.source && String(one) !== context.source ? JSON.rawJSON(context.source) : one;
  });
}

const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Formatted for reading; marks that turn the direction of text are escaped, so that nothing seems to be what it is not. */
export function pretty(what) {
  return JSON.stringify(what, null, 2).replace(TURNING, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Whether it is an object, and neither a list nor null. */
export function isObject(what) {
  return typeof what === "object" && what !== null && !Array.isArray(what) && !JSON.isRawJSON?.(what);
}
