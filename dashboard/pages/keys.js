// Signing keys: who signs, how often, and how one key takes the place of another.

import { h, replace, s } from "../dom.js";
import * as api from "../api.js";
import { href } from "../app.js";
import { badge, button, confirm, copyButton, dialog, field, form, load, needs, pageHead, section, table, toast, when } from "../ui.js";
import { count, moment, number } from "../format.js";
import { RANGES, readUsage, total } from "../usage.js";

/** How long a value stays visible, in milliseconds. */
const SHOWN_MS = 30_000;

const HIDDEN = "••••••••";

export async function render({ root, signal }) {
  if (!api.may("read") && !api.may("sign")) {
    replace(root, pageHead("Keys"), h("p", { className: "notice" }, "Your token lacks the scopes read and sign; this page needs one of them."));
    return;
  }
  const body = h("div", {});
  const refresh = () => load(body, () => read(signal), ({ keys, usage }) => [...overlaps(keys, refresh), keyTable(keys, usage, refresh, signal)]);
  const create = button("Create key", { kind: "primary", drawing: "plus", onclick: () => createKey(refresh), ...needs("write", "sign") });
  const code = h("a", { href: href("developer") }, "Developer");
  replace(root,
    pageHead("Keys", "A link to a private image is signed with one of these. Whoever has a key can open every private image, so it belongs on servers alone.", create),
    section("Signing keys", body),
    section("How to sign", h("p", {}, "Copy a key to your server and sign there. ", code, " has the code in eight languages and an example for a shell; every image has a link builder of its own.")));
  await refresh();
}

async function read(signal) {
  const week = RANGES.find(({ name }) => name === "week");
  const [{ keys }, usage] = await Promise.all([
    api.call("GET", api.own("/keys"), { signal }),
    // A token that may sign alone sees the keys, but not how they were used over time.
    api.may("read") ? readUsage(week, signal) : null,
  ]);
  return { keys, usage };
}

async function valueOf(name) {
  const { keys } = await api.call("GET", api.images("/v1/keys"));
  const key = keys.find((one) => one.name === name);
  if (!key) throw new Error("The key is gone.");
  return key.value;
}

/** The key that takes the place of this one, if there is one. */
function successor(key, keys) {
  return keys.find((one) => one.replaces === key.name);
}

/** What is to be done while two keys overlap. */
function overlaps(keys, refresh) {
  return keys.filter((key) => keys.some(({ name }) => name === key.replaces)).map((key) => {
    const old = keys.find(({ name }) => name === key.replaces);
    const used = old.requests_last_day;
    const told = used === 0 ? [`${old.name} was not used in the last day.`] : [`${old.name} was used ${count(used, "time")} in the last day, last `, when(old.last_used), "."];
    const finish = button(`Delete ${old.name}`, { kind: "danger", onclick: () => removeKey(old.name, refresh), ...needs("write", "sign") });
    return h("div", { className: "notice rotation" }, h("div", {},
      h("p", {}, h("strong", {}, key.name), " replaces ", h("strong", {}, old.name), ` since ${moment(key.created)}. Both are accepted. `, ...told),
      h("ol", {}, h("li", {}, `Give ${key.name} to everything that signs.`),
        h("li", {}, `Wait until ${old.name} is not used any more, and its last links have expired.`),
        h("li", {}, "Delete it: ", finish))));
  });
}

function keyTable(keys, usage, refresh, signal) {
  const rows = keys.map((key) => {
    const next = successor(key, keys);
    const rotate = button("Rotate", { kind: "quiet", drawing: "rotate", onclick: () => rotateKey(key, keys, refresh), ...needs("write", "sign") });
    if (next) Object.assign(rotate, { disabled: true, title: `${next.name} replaces it already` });
    const remove = button(`Delete ${key.name}`, { kind: "quiet danger", drawing: "trash", hideLabel: true, onclick: () => removeKey(key.name, refresh), ...needs("write", "sign") });
    rotate.append(h("span", { className: "hidden" }, ` ${key.name}`));
    return [
      h("span", { className: "badges" }, h("code", {}, key.name), key.replaces && badge(`replaces ${key.replaces}`, "good"), next && badge(`replaced by ${next.name}`, "warn")),
      secret(key, signal),
      when(key.created),
      when(key.last_used),
      number(key.requests_last_day),
      week(usage?.keys[key.name] ?? [], key.name, usage),
      h("div", { className: "actions" }, rotate, remove),
    ];
  });
  return table("Signing keys", ["Name", "Value", "Created", "Last used", "Signed, last day", "Signed, 7 days", h("span", { className: "hidden" }, "Actions")], rows, { stack: true });
}

/** The hidden value of a key, with the buttons that show and copy it. */
function secret(key, signal) {
  const text = h("code", { className: "secret" }, HIDDEN);
  const show = button(`Show the key ${key.name}`, { kind: "quiet", drawing: "eye", hideLabel: true, onclick: turn, ...needs("sign") });
  let timer;
  const name = (label) => {
    show.querySelector("span").textContent = label;
    show.title = label;
  };
  const hide = () => {
    clearTimeout(timer);
    text.textContent = HIDDEN;
    name(`Show the key ${key.name}`);
  };
  async function turn() {
    if (text.textContent !== HIDDEN) {
      hide();
      return;
    }
    try {
      const value = await valueOf(key.name);
      if (signal.aborted) return;
      text.textContent = value;
      name(`Hide the key ${key.name}`);
      timer = setTimeout(hide, SHOWN_MS);
    } catch (error) {
      toast(error.message, "bad");
    }
  }
  signal.addEventListener("abort", hide);
  const copy = copyButton(`Copy the key ${key.name}`, () => valueOf(key.name), { kind: "quiet", hideLabel: true });
  Object.assign(copy, needs("sign"));
  return h("div", { className: "secret-cell" }, text, show, copy);
}

/** The requests of the last week as a small line. */
function week(points, name, usage) {
  if (usage === null) return h("span", { className: "faint" }, "needs the scope read");
  if (total(points) === 0) return h("span", { className: "faint" }, "none");
  const most = Math.max(...points);
  const at = (index) => (index / Math.max(1, points.length - 1)) * 100;
  const path = points.map((value, index) => `${index === 0 ? "M" : "L"}${at(index).toFixed(2)} ${(23 - (value / most) * 21).toFixed(2)}`).join("");
  const label = `${name}: ${count(total(points), "signed request")} in the last 7 days, at most ${number(most)} in an hour`;
  const drawing = s("svg", { viewBox: "0 0 100 24", class: "spark", preserveAspectRatio: "none", role: "img", "aria-label": label }, s("title", {}, label), s("path", { d: path }));
  return h("span", { className: "uses" }, drawing, number(total(points)));
}

function nameField(value) {
  return field("Name", h("input", { type: "text", value, maxLength: 20, spellcheck: false, autocomplete: "off" }), { hint: "1 to 20 letters and digits." });
}

/** A form that makes a key and closes its dialog. */
function keyForm(name, label, replaces, close, done) {
  return form([name], label, async () => {
    const text = name.input.value.trim();
    const good = /^[A-Za-z0-9]{1,20}$/.test(text);
    name.fail(good ? null : "It must have 1 to 20 letters and digits.");
    if (!good) {
      name.input.focus();
      return;
    }
    await api.call("POST", api.own("/keys"), { json: { name: text, ...(replaces && { replaces }) } });
    close();
    done();
  }, { cancel: () => close() });
}

function createKey(refresh) {
  return dialog("Create a key", (close) => keyForm(nameField(""), "Create", null, close, () => {
    toast("The key is made.");
    refresh();
  }));
}

/** `default2`, or the next that is free. */
function suggested(name, keys) {
  const [, stem, digits] = /^(.*?)(\d*)$/.exec(name);
  let next = Number(digits || 1) + 1;
  const wanted = () => `${stem.slice(0, 20 - String(next).length)}${next}`;
  while (keys.some((key) => key.name === wanted())) next += 1;
  return wanted();
}

function rotateKey(key, keys, refresh) {
  return dialog(`Rotate ${key.name}`, (close) => [
    h("p", {}, `A new key takes the place of ${key.name}. Both are accepted until you delete ${key.name}, so no link breaks while you change what signs.`),
    keyForm(nameField(suggested(key.name, keys)), "Make the new key", key.name, close, () => {
      toast("The new key is made; both are accepted.");
      refresh();
    }),
  ]);
}

async function removeKey(name, refresh) {
  try {
    // How often it is used shall not be what was true when the page was opened.
    const { keys } = await api.call("GET", api.own("/keys"));
    const key = keys.find((one) => one.name === name);
    if (key && !(await wanted(key, keys))) return;
    await api.call("DELETE", api.images(`/v1/keys/${encodeURIComponent(name)}`));
    toast(`${name} is deleted.`);
  } catch (error) {
    toast(error.message, "bad");
  }
  refresh();
}

function wanted(key, keys) {
  const used = key.requests_last_day;
  const last = keys.length === 1 ? " It is the last key, so a new one named default is made in its place, with another value." : "";
  const gone = `Every link that was signed with ${key.name} stops working at once.${last}`;
  return used === 0
    ? confirm(`Delete ${key.name}?`, `Nothing used it in the last day. ${gone}`, "Delete")
    : typedConfirm(key, `${count(used, "request")} used it in the last day. ${gone}`);
}

function typedConfirm(key, warning) {
  return dialog(`Delete ${key.name}?`, (close) => {
    const name = field(`Enter ${key.name} to delete it`, h("input", { type: "text", spellcheck: false, autocomplete: "off" }));
    return [
      h("p", { className: "notice" }, warning),
      form([name], "Delete", async () => {
        const right = name.input.value.trim() === key.name;
        name.fail(right ? null : `This is not ${key.name}.`);
        if (right) close(true);
      }, { kind: "danger", cancel: () => close(false) }),
    ];
  });
}
