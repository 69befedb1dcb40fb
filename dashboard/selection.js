// Which images are selected, and what is done with all of them.

import { h, replace } from "./dom.js";
import * as api from "./api.js";
import { button, confirm, needs, privacyBadge, say, toast } from "./ui.js";
import { count, plain } from "./format.js";

/** Requests at once. */
const WIDTH = 6;

/** Images of one archive. */
const ARCHIVE = 1_000;

/** The bar above the list; `removed` is called with how many images are no more. */
export function selectionBar({ list, signal, removed }) {
  const entries = new Map();
  const selected = new Set();
  let last = null;
  const text = h("span", { className: "selected-count" });
  const problems = h("div", { className: "problems", role: "alert" });
  const act = (label, drawing, kind, onclick, scope = "write") => button(label, { drawing, kind, onclick, ...needs(scope) });
  const element = h("div", { className: "selection", hidden: true, role: "group", "aria-label": "Selected images" },
    h("div", { className: "actions" }, text,
      act("Make private", "lock", "", () => setPrivacy(true)),
      act("Make public", "open", "", () => setPrivacy(false)),
      act("Export as zip", "download", "", exportAll, "read"),
      act("Delete", "trash", "danger", removeAll),
      button("Select all shown", { kind: "quiet", onclick: () => choose([...entries.keys()]) }),
      button("Clear", { kind: "quiet", drawing: "cross", onclick: clear })),
    problems);

  function draw() {
    element.hidden = selected.size === 0 && problems.childElementCount === 0;
    text.textContent = `${count(selected.size, "image")} selected`;
    list.classList.toggle("selecting", selected.size > 0);
  }

  function set(id, on) {
    const entry = entries.get(id);
    if (!entry) return;
    if (on) selected.add(id);
    else selected.delete(id);
    entry.box.checked = on;
    entry.element.classList.toggle("selected", on);
  }

  function choose(ids) {
    ids.forEach((id) => set(id, true));
    say(`${count(selected.size, "image")} selected`);
    draw();
  }

  function clear() {
    [...selected].forEach((id) => set(id, false));
    replace(problems);
    draw();
  }

  /** Another list takes the place of this one: what it does not show cannot be selected. */
  function reset() {
    clear();
    entries.clear();
    last = null;
  }

  /** From the box that was clicked before to this one, as the list shows them. */
  function range(id) {
    const ids = [...list.children].map((child) => child.dataset.id);
    const [from, to] = [ids.indexOf(last), ids.indexOf(id)].sort((a, b) => a - b);
    return from < 0 ? [id] : ids.slice(from, to + 1);
  }

  function add(id, item, box) {
    item.dataset.id = id;
    entries.set(id, { element: item, box });
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last !== null) range(id).forEach((one) => set(one, box.checked));
      else set(id, box.checked);
      last = id;
      draw();
    });
  }

  function forget(id) {
    set(id, false);
    entries.get(id)?.element.remove();
    entries.delete(id);
  }

  async function each(what, job, done) {
    const ids = [...selected];
    element.setAttribute("aria-busy", "true");
    element.querySelectorAll("button").forEach((one) => one.toggleAttribute("disabled", true));
    let finished = 0;
    const results = await api.forEach(ids, WIDTH, async (id) => {
      const value = await job(id);
      finished += 1;
      text.textContent = `${what}: ${finished} of ${ids.length}`;
      return value;
    });
    element.querySelectorAll("button").forEach((one) => one.toggleAttribute("disabled", false));
    element.removeAttribute("aria-busy");
    const failures = [];
    results.forEach((result, index) => {
      if (result.status === "fulfilled") done(ids[index], result.value);
      else failures.push([ids[index], result.reason.message]);
    });
    replace(problems, failures.length > 0 && h("ul", {}, failures.slice(0, 20).map(([id, message]) => h("li", {}, h("bdi", {}, plain(id)), `: ${message}`))));
    if (failures.length > 0) toast(`${what}: ${count(failures.length, "image")} failed; they stay selected.`, "bad");
    else toast(`${what}: ${count(ids.length, "image")}`);
    draw();
  }

  async function setPrivacy(isPrivate) {
    const text = `${count(selected.size, "image")} will be visible to anyone who has a URL, without a signature, and caches may keep copies.`;
    if (!isPrivate && !(await confirm("Make public?", text, "Make public"))) return;
    await each(isPrivate ? "Made private" : "Made public", (id) => api.call("PATCH", api.imagePath(id), { json: { requireSignedURLs: isPrivate } }), (id) => {
      entries.get(id)?.element.querySelector(".badge")?.replaceWith(privacyBadge(isPrivate));
      set(id, false);
    });
  }

  async function removeAll() {
    const text = `${count(selected.size, "image")} and every rendition will be gone, and every URL of them stops working at once. This cannot be undone.`;
    if (!(await confirm("Delete?", text, `Delete ${count(selected.size, "image")}`))) return;
    let gone = 0;
    await each("Deleted", (id) => api.call("DELETE", api.imagePath(id)), (id) => {
      forget(id);
      gone += 1;
    });
    removed(gone);
  }

  async function exportAll() {
    const ids = [...selected];
    for (let from = 0; from < ids.length; from += ARCHIVE) {
      text.textContent = `Exporting ${Math.min(from + ARCHIVE, ids.length)} of ${ids.length}`;
      try {
        const answer = await api.fetchRaw("POST", api.own("/export"), { json: { images: ids.slice(from, from + ARCHIVE) } });
        save(await answer.blob(), from === 0 ? "images.zip" : `images-${from / ARCHIVE + 1}.zip`);
      } catch (error) {
        toast(`The archive was not made: ${error.message}`, "bad");
        break;
      }
    }
    draw();
  }

  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && selected.size > 0 && !document.querySelector("dialog[open]")) clear();
  }, { signal });
  return { element, add, reset, has: (id) => entries.has(id) };
}

/** Gives a file to the browser's downloads. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
