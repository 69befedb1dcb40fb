// How long browsers may keep a picture.

import { h } from "./dom.js";
import { field, select } from "./ui.js";
import { count, number } from "./format.js";

const USUAL = [3_600, 86_400, 172_800, 604_800, 2_592_000, 31_536_000];

/** Seconds as `2 days`. */
export function ttlText(seconds) {
  for (const [unit, length] of [["year", 31_536_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]]) {
    if (seconds % length === 0) return count(seconds / length, unit);
  }
  return `${number(seconds)} seconds`;
}

/**
 * A choice of a browser TTL. Its `value()` is a number of seconds, or null where `unset` (the label of that
 * choice) is chosen.
 */
export function ttlField(label, value, { unset, disabled, hint, onchange = () => {} }) {
  const known = value === null || USUAL.includes(value);
  const options = [["", unset], ...USUAL.map((seconds) => [String(seconds), ttlText(seconds)]), ["other", "Other…"]];
  const choice = select(options, known ? String(value ?? "") : "other", { disabled });
  const other = h("input", { type: "number", min: 3_600, max: 31_536_000, step: 1, value: value ?? 172_800, disabled });
  const seconds = field("Seconds", other, { hint: "3,600 (an hour) to 31,536,000 (a year)." });
  const element = h("div", { className: "form" }, field(label, choice, { hint }), seconds);
  const show = () => {
    seconds.hidden = choice.value !== "other";
  };
  choice.addEventListener("change", () => {
    show();
    if (!seconds.hidden) other.focus();
    onchange();
  });
  other.addEventListener("input", () => onchange());
  show();
  element.value = () => (choice.value === "" ? null : Number(choice.value === "other" ? other.value : choice.value));
  return element;
}
