// Signing keys: who signs, how often, and how one key takes the place of another.

import { h, replace, s } from "../dom.js";
import * as api from "../api.js";
import { href } from "../app.js";
import { badge, button, confirm, copyButton, dialog, field, form, load, needs, pageHead, section, table, toast, when } from "../ui.js";
import { count, number } from "../format.js";

/** How long a value stays visible, in milliseconds. */
const SHOWN_MS = 30_000;

const HIDDEN = "••••••••••••••••";

export async function render({ root, signal }) {
  const body = h("div", {});
  const refresh = () => load(body, () => read(signal), ({ keys, usage }) => [overlaps(keys, refresh), keyTable(keys, usage, refresh, signal)]);
  const create = button("Create key", { kind: "primary", drawing: "plus", onclick: () => createKey(refresh), ...needs("write", "sign") });
  const code = h("a", { href: href("developer") }, "Developer");
  replace(root,
    pageHead("Keys", "A link to a private image is signed with one of these. Whoever has a key can open every private image, so it belongs on servers alone.", create),
    section("Signing keys", body),
    section("How to sign", h("p", {}, "Copy a key to your server and sign there. ", code, " has the code in eight languages and an example for a shell; every image has a link builder of its own.")));
  await refresh();
}

async function read(signal) {
  const to = Date.now();
  const range = api.query({ from: new Date(to - 7 * 86_400_000).toISOString(), to: new Date(to).toISOString(), width: 3600 });
  const [{ keys }, usage] = await Promise.all([
    api.call("GET", api.own("/keys"), { signal }),
    api.may("read") ? api.call("GET", api.own(`/usage${range}`), { signal }) : { keys: {} },
  ]);
  return { keys, usage };
}

async function valueOf(name) {
  const { keys } = await api.call("GET", api.images("/v1/keys"));
  const key = keys.find((one) => one.name === name);
  if (!key) throw new Error("The key is gone.");
  return key.value;
}

/** What is to be done while two keys overlap. */
function overlaps(keys, refresh) {
  return keys.filter((key) => key.replaces).map((key) => {
    const old = keys.find((one) => one.name === key.replaces);
    const used = old.requests_last_day;
    const told = used === 0 ? [`${old.name} was not used in the last day.`] : [`${old.name} was used ${count(used, "time")} in the last day, last `, when(old.last_used), "."];
    const finish = button(`Delete ${old.name}`, { kind: "danger", onclick: () => removeKey(old, keys, refresh), ...needs("write", "sign") });
    return h("div", { className: "notice" }, h("div", {},
      h("p", {}, h("strong", {}, key.name), " replaces ", h("strong", {}, old.name), " since ", when(key.created), ". Both are accepted. ", ...told),
      h("ol", {}, h("li", {}, `Give ${key.name} to everything that signs.`),
        h("li", {}, `Wait until ${old.name} is not used any more, and its last links have expired.`),
        h("li", {}, "Delete it: ", finish))));
  });
}

function keyTable(keys, usage, refresh, signal) {
  const rows = keys.map((key) => [
    h("span", {}, h("code", {}, key.name), " ", key.replaces && badge(`replaces ${key.replaces}`, "warn")),
    secret(key, signal),
    when(key.created),
    when(key.last_used),
    h("span", { className: "uses" }, number(key.requests_last_day), line(usage.keys[key.name] ?? [], key.name)),
    h("div", { className: "actions" },
      button("Rotate", { kind: "quiet", drawing: "rotate", onclick: () => rotateKey(key, keys, refresh), ...needs("write", "sign") }),
      button("Delete", { kind: "quiet danger", drawing: "trash", onclick: () => removeKey(key, keys, refresh), ...needs("write", "sign") })),
  ]);
  return table("Signing keys", ["Name", "Value", "Created", "Last used", "Signed requests, last day", h("span", { className: "hidden" }, "Actions")], rows);
}

/** The hidden value of a key, with the buttons that show and copy it. */
function secret(key, signal) {
  const text = h("code", { className: "secret" }, HIDDEN);
  const show = button("Show", { kind: "quiet", drawing: "eye", ...needs("sign") });
  let timer;
  const hide = () => {
    clearTimeout(timer);
    text.textContent = HIDDEN;
    show.querySelector("span").textContent = "Show";
  };
  show.addEventListener("click", async () => {
    if (text.textContent !== HIDDEN) {
      hide();
      return;
    }
    try {
      text.textContent = await valueOf(key.name);
      show.querySelector("span").textContent = "Hide";
      timer = setTimeout(hide, SHOWN_MS);
    } catch (error) {
      toast(error.message, "bad");
    }
  });
  signal.addEventListener("abort", hide);
  const copy = copyButton("Copy", () => valueOf(key.name), { kind: "quiet" });
  if (!api.may("sign")) copy.disabled = true;
  show.append(h("span", { className: "hidden" }, ` the value of ${key.name}`));
  copy.append(h("span", { className: "hidden" }, ` the value of ${key.name}`));
  return h("div", { className: "secret-cell" }, text, show, copy);
}

/** The requests of the last week as a small line. */
function line(points, name) {
  const most = Math.max(1, ...points);
  const at = (index) => (index / Math.max(1, points.length - 1)) * 100;
  const path = points.map((value, index) => `${index === 0 ? "M" : "L"}${at(index).toFixed(2)} ${(22 - (value / most) * 20).toFixed(2)}`).join("");
  const all = points.reduce((sum, value) => sum + value, 0);
  const label = `${name}: ${count(all, "signed request")} in the last 7 days`;
  return s("svg", { viewBox: "0 0 100 24", class: "spark", preserveAspectRatio: "none", role: "img", "aria-label": label }, s("path", { d: path }));
}

function nameField(value) {
  return field("Name", h("input", { type: "text", value, maxLength: 20, spellcheck: false, autocomplete: "off" }), { hint: "1 to 20 letters and digits." });
}

/** A form that makes a key and closes its dialog. */
function keyForm(name, label, replaces, close, done) {
  return form([name], label, async () => {
    await api.call("POST", api.own("/keys"), { json: { name: name.input.value.trim(), ...(replaces && { replaces }) } });
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

async function removeKey(key, keys, refresh) {
  const used = key.requests_last_day;
  const last = keys.length === 1 ? " It is the last one: a new key default will be made." : "";
  const gone = `Every link that was signed with ${key.name} stops working at once.${last}`;
  const wanted = used === 0
    ? await confirm(`Delete ${key.name}?`, `Nothing used it in the last day. ${gone}`, "Delete")
    : await typedConfirm(key, `${count(used, "request")} used it in the last day. ${gone}`);
  if (!wanted) return;
  try {
    await api.call("DELETE", api.images(`/v1/keys/${encodeURIComponent(key.name)}`));
    toast(`${key.name} is deleted.`);
    refresh();
  } catch (error) {
    toast(error.message, "bad");
  }
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
