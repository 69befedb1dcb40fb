// Fields for the options of a variant.

import { h, freshId } from "./dom.js";
import { field, select } from "./ui.js";
import { FIELDS, join, parseText, split, writeText } from "./variant_options.js";

/**
 * Fields for `options`; `changed()` is called on every change. The element's `pairs()` are the options as
 * `[name, value]`, and `options(ttl)` what the API takes; both throw if a text cannot be read.
 */
export function optionFields(options, { disabled, changed }) {
  const { fields, others, draw } = split(options);
  const made = new Map(FIELDS.map((one) => [one.name, control(one, fields.get(one.name) ?? one.unset, { disabled, changed })]));
  const rest = field("All other options", h("input", { type: "text", value: writeText(others), disabled, autocomplete: "off", spellcheck: false, placeholder: "brightness=1.2,trim=10;20;10;20" }),
    { optional: true, hint: "option=value with commas between, as in URLs. What has a field above goes there." });
  const overlays = field("Overlays (draw)", h("textarea", { value: draw ? JSON.stringify(draw, null, 2) : "", disabled, spellcheck: false }),
    { optional: true, hint: "A JSON list of at most 5, such as [{\"image\": \"logo\", \"width\": 0.2, \"right\": 10, \"bottom\": 10}]. They are not in the preview." });
  rest.input.addEventListener("input", changed);
  rest.input.addEventListener("change", () => adopt(rest, made, changed));
  overlays.input.addEventListener("input", changed);
  const group = (name) => h("fieldset", { className: "plain" }, h("legend", { className: "label" }, name),
    h("div", { className: "fields" }, FIELDS.filter((one) => one.group === name).map((one) => made.get(one.name).element)));
  const element = h("div", { className: "form" }, group("Size"), group("Look"), rest, h("details", { open: draw !== null }, h("summary", {}, "Overlays"), overlays));
  element.pairs = () => {
    const set = FIELDS.map((one) => [one, made.get(one.name).value()]).filter(([one, value]) => value !== one.unset || one.name === "fit");
    return [...set.map(([{ name }, value]) => [name, value]), ...read(rest, parseText)];
  };
  element.options = (ttl) => join(element.pairs(), read(overlays, (text) => (text.trim() === "" ? null : JSON.parse(text))), ttl);
  return element;
}

/** Reads a field, and says at the field what is wrong. */
function read(one, parse) {
  try {
    const value = parse(one.input.value);
    one.fail(null);
    return value;
  } catch (error) {
    one.fail(error.message);
    throw error;
  }
}

/** Moves what has a field from the line of others into it, so that options of a URL can be pasted. */
function adopt(rest, made, changed) {
  let pairs;
  try {
    pairs = parseText(rest.input.value);
  } catch {
    return;
  }
  const moved = pairs.filter(([name]) => made.has(name));
  moved.forEach(([name, value]) => made.get(name).set(value));
  if (moved.length === 0) return;
  rest.input.value = writeText(pairs.filter(([name]) => !made.has(name)));
  changed();
}

function control(one, value, { disabled, changed }) {
  const build = { choice, number, amount, text, colour }[one.kind];
  return build(one, value, { disabled, changed });
}

function choice({ label, values }, value, { disabled, changed }) {
  // A value of a newer server stays choosable.
  const known = values.some(([key]) => key === value) ? values : [...values, [value, value]];
  const input = select(known, value, { disabled, onchange: changed });
  return { element: field(label, input), value: () => input.value, set: (next) => {
    if (![...input.options].some((option) => option.value === next)) input.append(h("option", { value: next }, next));
    input.value = next;
  } };
}

function plainInput(input) {
  return { value: () => input.value.trim(), set: (next) => { input.value = next; } };
}

function number({ label, min, max }, value, { disabled, changed }) {
  const input = h("input", { type: "number", min, max, step: 1, value, disabled, oninput: changed, placeholder: "any" });
  return { element: field(label, input), ...plainInput(input) };
}

function text({ label, hint, suggested }, value, { disabled, changed }) {
  const list = h("datalist", { id: freshId("list") }, suggested.map((one) => h("option", { value: one })));
  const input = h("input", { type: "text", value, list: list.id, disabled, oninput: changed, autocomplete: "off", spellcheck: false });
  const element = field(label, input, { hint });
  element.append(list);
  return { element, ...plainInput(input) };
}

/** A slider, and the number beside it for those who know it. */
function amount({ name, label, max, step }, value, { disabled, changed }) {
  const exact = h("input", { type: "number", min: 0, max, step: "any", value, disabled });
  const slider = h("input", { type: "range", min: 0, max, step, value, disabled, "aria-label": `${label}, slider` });
  exact.addEventListener("input", () => {
    slider.value = exact.value;
    changed();
  });
  slider.addEventListener("input", () => {
    exact.value = slider.value;
    changed();
  });
  const element = field(label, exact);
  const line = h("div", { className: `amount amount-${name}` });
  exact.replaceWith(line);
  line.append(slider, exact);
  return { element, value: () => exact.value.trim() || "0", set: (next) => {
    exact.value = next;
    slider.value = next;
  } };
}

function colour({ label, hint }, value, { disabled, changed }) {
  const words = h("input", { type: "text", value, disabled, autocomplete: "off", spellcheck: false, placeholder: "white" });
  const picker = h("input", { type: "color", value: /^#[0-9a-f]{6}$/i.test(value) ? value : "#ffffff", disabled, "aria-label": `${label}, picker` });
  picker.addEventListener("input", () => {
    words.value = picker.value;
    changed();
  });
  words.addEventListener("input", () => {
    if (/^#[0-9a-f]{6}$/i.test(words.value)) picker.value = words.value;
    changed();
  });
  const element = field(label, words, { hint });
  const line = h("div", { className: "amount" });
  words.replaceWith(line);
  line.append(picker, words);
  return { element, ...plainInput(words) };
}
