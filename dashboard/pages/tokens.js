// API tokens: what each may do, when it was last used, and its end.

import { h, freshId, replace } from "../dom.js";
import * as api from "../api.js";
import { badge, button, confirm, copyLine, field, form, load, needs, outside, pageHead, section, table, toast, when } from "../ui.js";

const SCOPES = [
  ["read", "Read", "See images, also private ones, variants, settings, usage and tokens. Not the signing keys."],
  ["write", "Write", "Upload, change and delete images, variants, settings and tokens."],
  ["sign", "Sign", "See the signing keys and make links to private images. To make or delete keys takes write as well."],
];

const PRESETS = [["Everything", ["read", "write", "sign"]], ["Read only", ["read"]], ["Sign only", ["sign"]], ["Upload only", ["write"]]];

export async function render({ root, signal }) {
  const made = h("div", { className: "made" });
  const body = h("div", {});
  const refresh = () => load(body, () => api.call("GET", api.own("/tokens"), { signal }), (tokens) => tokenTable(tokens, refresh));
  const create = creation((token) => {
    showSecret(made, token);
    refresh();
  });
  replace(root,
    pageHead("Tokens", "Programs, and people who log in here, prove with a token what they may do."),
    made,
    section("API tokens", body),
    section("Create a token", create));
  if (api.may("read")) await refresh();
  else replace(body, h("p", { className: "notice" }, "Your token lacks the scope read, so the tokens cannot be listed."));
}

function tokenTable(tokens, refresh) {
  const rows = tokens.map((token) => [
    h("span", { className: "badges" }, outside(token.name), token.instance_admin && badge("Instance admin", "warn", "shield")),
    h("span", { className: "badges" }, token.scopes.map((scope) => badge(scope))),
    when(token.created),
    when(token.last_used),
    h("div", { className: "actions" }, revokeButton(token, tokens, refresh)),
  ]);
  return table("API tokens", ["Name", "Scopes", "Created", "Last used", h("span", { className: "hidden" }, "Actions")], rows, { empty: "There are no tokens.", stack: true });
}

function revokeButton(token, tokens, refresh) {
  const element = button("Revoke", { kind: "quiet danger", drawing: "trash", onclick: () => revoke(token, tokens, refresh), ...needs("write", ...token.scopes) });
  element.append(h("span", { className: "hidden" }, " ", outside(token.name)));
  return element;
}

async function revoke(token, tokens, refresh) {
  const admins = tokens.filter((one) => one.instance_admin);
  const isLast = token.instance_admin && admins.length === 1;
  const text = [
    h("p", {}, "Whatever uses ", h("strong", {}, outside(token.name)), " is refused at once, and whoever is logged in with it is logged out. It was last used: ", when(token.last_used), "."),
    isLast && h("p", { className: "notice" }, "This account has no other token of an instance admin. Without one, accounts and the allowed origins of remote images can only be changed where the server runs."),
  ];
  if (!(await confirm("Revoke this token?", text.filter(Boolean), "Revoke"))) return;
  try {
    await api.call("DELETE", api.own(`/tokens/${token.id}`));
    toast("The token is revoked.");
    refresh();
  } catch (error) {
    toast(error.message, "bad");
  }
}

/** The form that makes a token; its choices stay until it has worked. */
function creation(done) {
  const name = field("Name", h("input", { type: "text", maxLength: 100, autocomplete: "off" }), { hint: "What it is for, such as “shop, uploads”." });
  const boxes = SCOPES.map(([scope, label, hint]) => {
    const input = h("input", { type: "checkbox", id: freshId("scope"), value: scope, checked: scope === "read" && api.may(scope), disabled: !api.may(scope) });
    const told = api.may(scope) ? hint : `${hint} Your own token lacks it, so it cannot be given.`;
    input.setAttribute("aria-describedby", `${input.id}-hint`);
    return { scope, input, row: h("div", { className: "check" }, input, h("div", {}, h("label", { htmlFor: input.id }, label), h("p", { className: "hint", id: `${input.id}-hint` }, told))) };
  });
  const choose = (scopes) => boxes.forEach(({ scope, input }) => {
    input.checked = scopes.includes(scope) && !input.disabled;
  });
  const presets = PRESETS.map(([label, scopes]) => button(label, { onclick: () => choose(scopes), ...needs(...scopes) }));
  const element = form([
    name,
    h("fieldset", { className: "plain" }, h("legend", { className: "label" }, "Scopes"),
      h("div", { className: "actions" }, presets), boxes.map(({ row }) => row)),
  ], "Create token", async () => {
    const scopes = boxes.filter(({ input }) => input.checked).map(({ scope }) => scope);
    name.fail(name.input.value.trim() === "" ? "Give it a name." : null);
    if (name.input.value.trim() === "") {
      name.input.focus();
      return;
    }
    if (scopes.length === 0) throw new Error("Choose at least one scope.");
    const token = await api.call("POST", api.own("/tokens"), { json: { name: name.input.value.trim(), scopes } });
    name.input.value = "";
    done(token);
  });
  if (!api.may("write")) {
    Object.assign(element.send, needs("write"));
    element.prepend(h("p", { className: "notice" }, "Your token lacks the scope write, so it cannot make others."));
  }
  return element;
}

/** The secret of a new token, which cannot be had again. */
function showSecret(place, token) {
  const kept = button("I have kept it", { kind: "primary", onclick: () => replace(place) });
  const panel = section("Keep this token now",
    h("p", {}, "The secret of ", h("strong", {}, outside(token.name)), " is shown this once. It is gone when you leave this page; nobody can read it again."),
    copyLine("Token", token.token),
    h("div", { className: "actions" }, kept));
  panel.classList.add("attention");
  panel.tabIndex = -1;
  replace(place, panel);
  panel.scrollIntoView({ block: "nearest" });
  panel.focus();
}
