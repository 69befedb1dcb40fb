// The parts that every page is made of.

import { h, icon, freshId, replace } from "./dom.js";
import { moment, ago, plain } from "./format.js";
import { may } from "./api.js";

/** A button. `kind` is `primary`, `danger`, `quiet` or nothing. */
export function button(label, { kind = "", drawing, onclick, type = "button", title, disabled, hideLabel = false } = {}) {
  const text = hideLabel ? h("span", { className: "hidden" }, label) : h("span", {}, label);
  return h("button", { type, className: `button ${kind}`, onclick, title: title ?? (hideLabel ? label : undefined), disabled }, drawing && icon(drawing), text);
}

/** What a button for which the session's token lacks a scope gets: it is off, and says why. */
export function needs(...scopes) {
  const lacking = scopes.find((scope) => !may(scope));
  return lacking ? { disabled: true, title: `Your token lacks the scope ${lacking}` } : {};
}

/** A link that looks like a button. */
export function linkButton(label, href, { kind = "", drawing } = {}) {
  return h("a", { href, className: `button ${kind}` }, drawing && icon(drawing), h("span", {}, label));
}

/** A button that copies what `text` (a text or a function, also an async one) gives. */
export function copyButton(label, text, { kind = "", hideLabel = false } = {}) {
  const element = button(label, { kind, drawing: "copy", hideLabel, onclick: copy });
  async function copy() {
    try {
      const value = typeof text === "function" ? await text() : text;
      await copyText(value);
      element.classList.add("done");
      say(`Copied: ${label}`);
      setTimeout(() => element.classList.remove("done"), 1500);
    } catch (error) {
      toast(error.message, "bad");
    }
  }
  return element;
}

async function copyText(text) {
  // The clipboard API is there on https and localhost alone.
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // Refused, for instance without focus: the older way is tried.
    }
  }
  const area = h("textarea", { value: text, className: "offscreen", "aria-hidden": "true" });
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("The browser does not let this page copy: select the text and copy it yourself.");
}

/** A labelled input, select or textarea, with a hint and a place for its error. */
export function field(label, input, { hint, optional = false } = {}) {
  input.id ||= freshId("field");
  const hintId = `${input.id}-hint`;
  const errorId = `${input.id}-error`;
  const error = h("p", { className: "field-error", id: errorId, role: "alert" });
  input.setAttribute("aria-describedby", hint ? `${hintId} ${errorId}` : errorId);
  const element = h("div", { className: "field" },
    h("label", { htmlFor: input.id }, label, optional && h("span", { className: "faint" }, " (optional)")),
    input,
    hint && h("p", { className: "hint", id: hintId }, hint),
    error);
  element.fail = (text) => {
    error.textContent = text ?? "";
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  element.input = input;
  return element;
}

/** A select of `[value, label]` pairs. */
export function select(options, value, props = {}) {
  const element = h("select", props, options.map(([key, label]) => h("option", { value: key, selected: key === value }, label)));
  return element;
}

/** A switch that asks `change(on)` and goes back where that fails. */
export function toggle(label, on, change, { hint, disabled } = {}) {
  const input = h("input", { type: "checkbox", role: "switch", checked: on, disabled, id: freshId("switch") });
  if (hint) input.setAttribute("aria-describedby", `${input.id}-hint`);
  input.addEventListener("change", async () => {
    const wanted = input.checked;
    input.disabled = true;
    try {
      await change(wanted);
    } catch (error) {
      input.checked = !wanted;
      toast(error.message, "bad");
    }
    input.disabled = false;
    input.focus();
  });
  return h("div", { className: "toggle" }, input,
    h("div", {}, h("label", { htmlFor: input.id }, label), hint && h("p", { className: "hint", id: `${input.id}-hint` }, hint)));
}

/** A modal dialog with a heading; `content` is filled in by the caller. Resolves with what `close(value)` gets. */
export function dialog(heading, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const titleId = freshId("dialog");
    const element = h("dialog", { className: wide ? "dialog wide" : "dialog", "aria-labelledby": titleId });
    let result;
    const close = (value) => {
      result = value;
      element.close();
    };
    element.append(
      h("header", {}, h("h2", { id: titleId }, heading), button("Close", { kind: "quiet", drawing: "cross", hideLabel: true, onclick: () => close() })),
      h("div", { className: "dialog-body" }, build(close)));
    element.addEventListener("close", () => {
      element.remove();
      if (before?.isConnected) before.focus();
      resolve(result);
    });
    document.body.append(element);
    element.showModal();
    element.querySelector("[autofocus], .dialog-body input, .dialog-body select, .dialog-body textarea, .dialog-body button")?.focus();
  });
}

/** Asks before something that cannot be taken back. Whether it is wanted. */
export async function confirm(heading, text, action, { kind = "danger" } = {}) {
  const answer = await dialog(heading, (close) => [
    h("div", {}, ...(Array.isArray(text) ? text : [h("p", {}, text)])),
    h("div", { className: "actions" },
      button("Cancel", { onclick: () => close(false) }),
      button(action, { kind, onclick: () => close(true) }))]);
  return answer === true;
}

/** A form whose `submit()` may throw an ApiError, which is shown above the buttons; `settled` is called after each. */
export function form(children, submitLabel, submit, { kind = "primary", cancel, settled } = {}) {
  const problem = h("p", { className: "problem", role: "alert" });
  const send = button(submitLabel, { kind, type: "submit" });
  const element = h("form", { className: "form", noValidate: true }, ...children, problem,
    h("div", { className: "actions" }, cancel && button("Cancel", { onclick: cancel }), send));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = "";
    send.disabled = true;
    try {
      await submit();
    } catch (error) {
      problem.textContent = error.message;
    }
    send.disabled = false;
    settled?.();
  });
  element.send = send;
  return element;
}

const corner = () => document.getElementById("toasts");

/** A short message in the corner. `kind` is `good` or `bad`. */
export function toast(text, kind = "good") {
  const element = h("div", { className: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" },
    icon(kind === "bad" ? "warning" : "check"), h("p", {}, text),
    button("Dismiss", { kind: "quiet", drawing: "cross", hideLabel: true, onclick: () => element.remove() }));
  corner().append(element);
  while (corner().children.length > 4) corner().firstElementChild.remove();
  if (kind === "good") setTimeout(() => element.remove(), 5000);
}

/** Says something to screen readers alone. */
export function say(text) {
  replace(document.getElementById("said"), text);
}

/** The head of a page: its heading, a sentence, and actions. */
export function pageHead(title, text, ...actions) {
  return h("header", { className: "page-head" },
    h("div", {}, h("h1", { tabIndex: -1 }, title), text && h("p", { className: "lead" }, text)),
    actions.length > 0 && h("div", { className: "actions" }, ...actions));
}

/** A part of a page with a heading of its own. */
export function section(title, ...children) {
  const id = freshId("section");
  return h("section", { className: "panel", "aria-labelledby": id }, h("h2", { id }, title), ...children);
}

/** A table; `columns` are headings, `rows` arrays of nodes. One that stacks has a card for each row on a phone. */
export function table(caption, columns, rows, { empty = "Nothing here yet.", stack = false } = {}) {
  if (rows.length === 0) return h("p", { className: "empty" }, empty);
  // A table that is laid out as something else is still one for screen readers.
  const role = (name) => (stack ? { role: name } : {});
  const cell = (content, index) => {
    const one = index === 0 ? h("th", { scope: "row", ...role("rowheader") }, content) : h("td", role("cell"), content);
    if (stack && index > 0 && typeof columns[index] === "string") one.dataset.label = columns[index];
    return one;
  };
  return h("div", { className: stack ? "table stack" : "table", tabIndex: 0, role: "region", "aria-label": caption },
    h("table", role("table"), h("caption", { className: "hidden" }, caption),
      h("thead", role("rowgroup"), h("tr", role("row"), columns.map((column) => h("th", { scope: "col", ...role("columnheader") }, column)))),
      h("tbody", role("rowgroup"), rows.map((row) => h("tr", role("row"), row.map(cell))))));
}

/** A moment as `3 hours ago`, with the whole of it as its title; null is `never`. */
export function when(value, never = "never") {
  if (value === null || value === undefined) return h("span", { className: "faint" }, never);
  return h("time", { dateTime: value, title: moment(value) }, ago(value));
}

/** A text from outside, kept apart from the direction and markup of what is around it. */
export function outside(text, props = {}) {
  return h("bdi", { ...props }, plain(text));
}

/** A small coloured word. `kind` is `good`, `bad`, `warn` or nothing. */
export function badge(text, kind = "", drawing) {
  return h("span", { className: `badge ${kind}` }, drawing && icon(drawing), text);
}

/** Private or public. */
export function privacyBadge(isPrivate) {
  return isPrivate ? badge("Private", "", "lock") : badge("Public", "warn", "open");
}

/** Text to be copied whole, with its button. */
export function snippet(label, text) {
  const code = h("pre", { tabIndex: 0, "aria-label": label }, h("code", {}, text));
  const element = h("div", { className: "snippet" }, code, copyButton(`Copy ${label}`, () => code.textContent, { kind: "quiet", hideLabel: true }));
  element.set = (next) => {
    code.firstChild.textContent = next;
  };
  return element;
}

/** One line of text with a copy button. */
export function copyLine(label, text) {
  const value = h("code", { className: "line" }, outside(text));
  return h("div", { className: "copy-line" }, h("span", { className: "copy-label" }, label), value, copyButton(`Copy ${label}`, text, { kind: "quiet", hideLabel: true }));
}

/** Tabs whose panels are made when they are first shown; `tabs` are `[label, build]`. */
export function tabs(label, entries) {
  const panel = h("div", { role: "tabpanel", id: freshId("panel"), tabIndex: 0 });
  const made = new Map();
  const buttons = entries.map(([name], index) => h("button", {
    type: "button", role: "tab", id: freshId("tab"), "aria-controls": panel.id, onclick: () => show(index),
  }, name));
  const list = h("div", { role: "tablist", className: "tabs", "aria-label": label, onkeydown: walk }, buttons);
  function show(index) {
    buttons.forEach((one, at) => {
      one.setAttribute("aria-selected", String(at === index));
      one.tabIndex = at === index ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", buttons[index].id);
    if (!made.has(index)) made.set(index, entries[index][1]());
    replace(panel, made.get(index));
  }
  function walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    buttons[next].focus();
    show(next);
    event.preventDefault();
  }
  show(0);
  return h("div", {}, list, panel);
}

/** What stands for a part that could not be loaded, with a way to try again. */
export function failure(error, again) {
  return h("div", { className: "failure", role: "alert" }, icon("warning"), h("p", {}, error.message),
    again && button("Try again", { drawing: "retry", onclick: again }));
}

/** Loads a part of a page into `element`; a failure stays within it. */
export async function load(element, read, show) {
  element.setAttribute("aria-busy", "true");
  try {
    replace(element, await show(await read()));
  } catch (error) {
    if (error.name !== "AbortError") replace(element, failure(error, () => load(element, read, show)));
  }
  element.removeAttribute("aria-busy");
  return element;
}
