// Numbers and moments for people.

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

/** 1234567 as `1,234,567`. */
export function number(value) {
  return NUMBER.format(value);
}

/** `1 image`, `2 images`. */
export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** Bytes in decimal units. */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let rest = value;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${NUMBER.format(rest)} ${units[unit]}`;
}

/** A moment in the reader's time zone. */
export function moment(value) {
  return MOMENT.format(new Date(value));
}

/** `3 hours ago`. */
export function ago(value, now = Date.now()) {
  const seconds = Math.round((new Date(value).getTime() - now) / 1000);
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.trunc(seconds / length), unit);
  }
  return seconds > -5 && seconds < 5 ? "just now" : RELATIVE.format(seconds, "second");
}

/** Seconds as `1 d 02:03:04`. */
export function countdown(seconds) {
  const rest = Math.max(0, Math.floor(seconds));
  const days = Math.floor(rest / 86_400);
  const clock = [Math.floor(rest / 3_600) % 24, Math.floor(rest / 60) % 60, rest % 60];
  const text = clock.map((part) => String(part).padStart(2, "0")).join(":");
  return days > 0 ? `${days} d ${text}` : text;
}

/**
 * A text from outside on one line: characters that are not seen or turn the direction of what
 * follows are shown by their code point.
 */
export function plain(text) {
  return String(text).replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (character) => {
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    return `\u2039U+${code}\u203a`;
  });
}
