// Imports: images brought from addresses, from Cloudflare, or from another Safelight.

import { h, replace } from "../dom.js";
import * as api from "../api.js";
import { badge, button, confirm, field, form, load, needs, outside, pageHead, section, tabs, toast, toggle, when } from "../ui.js";
import { count, number } from "../format.js";

/** Between two looks at imports that run, in milliseconds. */
const PACE = 2_000;

const STATES = { running: ["Running", ""], done: ["Done", "good"], stopped: ["Stopped", "warn"], failed: ["Failed", "bad"] };
const CLOUDFLARE = "https://api.cloudflare.com/client/v4";

export async function render({ root, signal }) {
  const list = h("div", {});
  let timer;
  const show = ({ imports }) => {
    clearTimeout(timer);
    if (imports.some(({ state }) => state === "running") && !signal.aborted) timer = setTimeout(look, PACE);
    return imports.length === 0 ? h("p", { className: "empty" }, "Nothing was imported yet.") : h("ul", { className: "imports" }, imports.map((one) => row(one, refresh)));
  };
  const read = () => api.call("GET", api.own("/imports"), { signal });
  const refresh = () => load(list, read, show);
  // Without the state of loading, so that what is open or focused is not lost for each look.
  const look = async () => {
    if (document.hidden) {
      timer = setTimeout(look, PACE);
      return;
    }
    const open = new Set([...list.querySelectorAll("details[open]")].map((one) => one.dataset.id));
    const focused = document.activeElement?.dataset?.action;
    try {
      replace(list, show(await read()));
    } catch (error) {
      if (error.name !== "AbortError") timer = setTimeout(look, PACE);
      return;
    }
    for (const one of list.querySelectorAll("details")) one.open = open.has(one.dataset.id);
    if (focused) list.querySelector(`[data-action="${CSS.escape(focused)}"]`)?.focus();
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  replace(root,
    pageHead("Import", "Images are brought in the background, and go on after a restart. What is here already is skipped."),
    section("New import", tabs("Sources", [
      ["Addresses", () => fromUrls(refresh)],
      ["Cloudflare Images", () => fromAccount(refresh, CLOUDFLARE)],
      ["Another Safelight", () => fromAccount(refresh, "")],
    ])),
    section("Imports", list));
  await refresh();
}

/** Lines of an address each, or of an ID, a comma and an address; each with its number, for what is said of it. */
function parseLines(text) {
  const lines = text.split("\n").map((line, index) => ({ line: line.trim(), number: index + 1 })).filter(({ line }) => line !== "");
  // A table may begin with the names of its columns.
  if (lines.length > 1 && /^("?id"?\s*,\s*)?"?url"?$/i.test(lines[0].line)) lines.shift();
  return lines.map(({ line, number }) => {
    const at = line.search(/https?:\/\//i);
    const id = at > 0 ? line.slice(0, at).replace(/"$/, "").replace(/\s*,\s*$/, "").replace(/^"(.*)"$/, (_, quoted) => quoted.replaceAll('""', '"')) : "";
    const url = (at > 0 ? line.slice(at) : line).replace(/"$/, "");
    return { number, item: id === "" ? { url } : { url, id } };
  });
}

/** The server counts from 0 and without empty lines. */
function byLine(error, lines) {
  const named = /^urls\[(\d+)\]: (.*)$/s.exec(error.message);
  if (named) error.message = `Line ${lines[Number(named[1])]?.number}: ${named[2]}`;
  return error;
}

function fromUrls(refresh) {
  const text = field("Addresses", h("textarea", { rows: 6, spellcheck: false, placeholder: "https://example.com/picture.jpg\nproducts/42, https://example.com/other.jpg" }),
    { hint: "One on each line, at most 10,000; an ID and a comma may stand before it." });
  const file = field("Or a file of such lines", h("input", { type: "file", accept: ".txt,.csv,text/plain,text/csv" }), { optional: true });
  file.input.addEventListener("change", async () => {
    const [chosen] = file.input.files;
    if (chosen) text.input.value = await chosen.text();
  });
  let isPrivate = true;
  const privacy = toggle("Require signed URLs", true, async (on) => {
    isPrivate = on;
  }, { hint: "Off: anyone who has the URL sees the image." });
  return form([text, file, privacy], "Import", async () => {
    const lines = parseLines(text.input.value);
    text.fail(lines.length === 0 ? "Enter an address." : null);
    if (lines.length === 0) return;
    const json = { kind: "urls", urls: lines.map(({ item }) => item), requireSignedURLs: isPrivate };
    await api.call("POST", api.own("/imports"), { json }).catch((error) => {
      throw byLine(error, lines);
    });
    text.input.value = "";
    file.input.value = "";
    toast(`The import of ${count(lines.length, "image")} has begun.`);
    refresh();
  });
}

function fromAccount(refresh, base) {
  const address = field("API", h("input", { type: "url", value: base, spellcheck: false, placeholder: "https://images.example.com/client/v4" }), { hint: "It ends in /client/v4." });
  const account = field("Account ID", h("input", { type: "text", spellcheck: false, autocomplete: "off" }));
  const token = field("API token", h("input", { type: "password", autocomplete: "off", spellcheck: false }), { hint: "It must be allowed to read images. It is kept until the import ends." });
  return form([address, account, token], "Import", async () => {
    for (const one of [address, account, token]) one.fail(one.input.value.trim() === "" ? "This is needed." : null);
    const empty = [address, account, token].find((one) => one.input.value.trim() === "");
    if (empty) {
      empty.input.focus();
      return;
    }
    const json = { kind: "cloudflare", api: address.input.value.trim(), account_id: account.input.value.trim(), token: token.input.value.trim() };
    await api.call("POST", api.own("/imports"), { json });
    token.input.value = "";
    toast("The import has begun.");
    refresh();
  });
}

/** One import with its progress. */
function row(one, refresh) {
  const [word, kind] = STATES[one.state] ?? [one.state, ""];
  const finished = one.imported + one.skipped + one.failed;
  const bar = h("progress", { max: one.total ?? 1, "aria-label": "Progress of the import" });
  // Without a total the bar only says that something goes on.
  if (one.total !== null || one.state !== "running") bar.value = one.state === "done" ? bar.max : Math.min(finished, one.total ?? finished);
  const isRunning = one.state === "running";
  const end = button(isRunning ? "Stop" : "Remove", { kind: "quiet", drawing: isRunning ? "cross" : "trash", onclick: () => stop(one, refresh), ...needs("write") });
  end.dataset.action = `end-${one.id}`;
  return h("li", { className: "import" },
    h("div", { className: "import-head" }, badge(word, kind), h("strong", {}, outside(one.source)), h("span", { className: "faint" }, "begun ", when(one.created), one.finished && ", ended ", one.finished && when(one.finished)), end),
    bar,
    h("p", { className: "faint" }, `${number(finished)}${one.total === null ? "" : ` of ${number(one.total)}`}: ${number(one.imported)} imported, ${number(one.skipped)} skipped, ${number(one.failed)} failed`),
    one.message && h("p", { className: "field-error" }, one.message),
    one.failures.length > 0 && failures(one));
}

/** The failures that the list brings; all that are kept once they are opened. */
function failures(one) {
  const list = h("ul", { className: "failures", tabIndex: 0, "aria-label": "Failures" });
  const fill = (entries) => replace(list, entries.map(({ source, message }) => h("li", {}, h("code", {}, outside(source)), " ", message)));
  const summary = h("summary", {}, `Failures: ${number(one.failed || one.failures.length)}`);
  summary.dataset.action = `failures-${one.id}`;
  const element = h("details", {}, summary, list);
  element.dataset.id = one.id;
  fill(one.failures);
  element.addEventListener("toggle", () => {
    if (!element.open || one.failures.length >= one.failed) return;
    api.call("GET", api.own(`/imports/${encodeURIComponent(one.id)}`)).then((whole) => {
      fill(whole.failures);
      if (whole.failures.length < whole.failed) list.append(h("li", { className: "faint" }, `These are the last ${number(whole.failures.length)}.`));
    }, (error) => list.append(h("li", { className: "field-error" }, error.message)));
  });
  return element;
}

async function stop(one, refresh) {
  const isRunning = one.state === "running";
  if (isRunning && !(await confirm("Stop the import?", "What was imported stays; the rest is not brought.", "Stop"))) return;
  try {
    await api.call("DELETE", api.own(`/imports/${encodeURIComponent(one.id)}`));
    toast(isRunning ? "The import is stopped." : "The import is removed from the list.");
  } catch (error) {
    toast(error.message, "bad");
  }
  refresh();
}
