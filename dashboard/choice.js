// Choices that are made in more than one place: a variant or options, and how long a link holds.

import { h } from "./dom.js";
import { field, select } from "./ui.js";

/** What no variant can be called. */
const OPTIONS = "\u0000options";

/**
 * Lets a variant be chosen, or options be written; `changed` is called after each. `value` is the name or
 * the options, and null as long as there are none.
 */
export function variantChoice({ variants, hint, changed, label = "Variant" }) {
  const names = variants.map(({ id }) => [id, id]);
  const first = variants.find(({ id }) => id === "public")?.id ?? variants[0]?.id ?? OPTIONS;
  const list = select([...names, [OPTIONS, "Options\u2026"]], first);
  const text = h("input", { type: "text", placeholder: "width=400,fit=cover", spellcheck: false, autocapitalize: "off", autocomplete: "off" });
  const options = field("Options", text, { hint });
  const element = h("div", { className: "choice" }, field(label, list), options);
  const show = () => {
    options.hidden = list.value !== OPTIONS;
  };
  list.addEventListener("change", () => {
    show();
    if (options.hidden || text.value.trim() !== "") changed?.();
    else text.focus();
  });
  text.addEventListener("change", () => changed?.());
  show();
  return {
    element,
    get value() {
      return list.value === OPTIONS ? text.value.trim() || null : list.value;
    },
    /** As the preview's query has it. */
    get what() {
      return list.value === OPTIONS ? { options: this.value ?? "" } : { variant: list.value };
    },
    set(name) {
      if (names.some(([id]) => id === name)) list.value = name;
      else {
        list.value = OPTIONS;
        text.value = name;
      }
      show();
    },
    list,
  };
}

const LENGTHS = [["300", "5 minutes"], ["3600", "1 hour"], ["86400", "1 day"], ["604800", "1 week"], ["date", "Until a date\u2026"], ["never", "Never expires"]];

/** Lets it be chosen how long a link holds; `seconds()` is the moment of expiry in Unix seconds, or null for never. */
export function expiryChoice({ label = "Expires after" } = {}) {
  const list = select(LENGTHS, "3600");
  const date = h("input", { type: "datetime-local" });
  const until = field("Until", date, { hint: "In your time zone." });
  until.hidden = true;
  list.addEventListener("change", () => {
    until.hidden = list.value !== "date";
    if (until.hidden) return;
    if (date.value === "") date.value = local(Date.now() + 86_400_000);
    date.focus();
  });
  return {
    element: h("div", { className: "choice" }, field(label, list), until),
    seconds() {
      until.fail(null);
      if (list.value === "never") return null;
      if (list.value !== "date") return Math.floor(Date.now() / 1000) + Number(list.value);
      const chosen = new Date(date.value).getTime();
      const wrong = Number.isNaN(chosen) ? "Enter a date and a time." : chosen <= Date.now() ? "This moment has passed." : null;
      until.fail(wrong);
      if (wrong) throw new Error(wrong);
      return Math.floor(chosen / 1000);
    },
  };
}

/** A moment as an input of the type datetime-local has it. */
function local(moment) {
  const at = new Date(moment);
  return new Date(moment - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
