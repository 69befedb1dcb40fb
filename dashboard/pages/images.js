// All images: search, sort, select, and what is done with those selected.

import { h, icon, replace } from "../dom.js";
import * as api from "../api.js";
import { href } from "../app.js";
import { button, badge, failure, needs, outside, pageHead, privacyBadge, say, select } from "../ui.js";
import { bytes, count, number, moment, plain } from "../format.js";
import { acceptDrops, openUploader } from "../uploader.js";
import { leave, returned } from "../place.js";
import { remember, remembered } from "../storage.js";
import { onUploaded } from "../upload.js";
import { selectionBar } from "../selection.js";

/** Images of a page of the list. */
const PAGE = 100;

/** Images that are loaded by scrolling alone; further ones by a button. */
const BY_SCROLLING = 2_000;

const SCOPES = [["any", "Anything"], ["id", "ID"], ["filename", "File name"], ["creator", "Creator"], ["metadata", "Metadata"]];
const SORTS = [["uploaded:desc", "Newest first"], ["uploaded:asc", "Oldest first"], ["filename:asc", "File name, A to Z"], ["filename:desc", "File name, Z to A"], ["id:asc", "ID, A to Z"], ["id:desc", "ID, Z to A"], ["bytes:desc", "Largest first"], ["bytes:asc", "Smallest first"]];
const PRIVACIES = [["", "Private and public"], ["true", "Private"], ["false", "Public"]];
const DEFAULTS = { search: "", in: "any", sort: "uploaded:desc", privacy: "" };

/** `field=value`, `field>=5`: what a search in metadata alone may be. */
const FILTER = /^\s*([^\s=<>]+)\s*(>=|<=|=|>|<)\s*(.+?)\s*$/;
const OPERATORS = { "=": "eq", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte" };

/** The parameters of a request for a search. */
function searchParameters(state) {
  const [sort, order] = state.sort.split(":");
  const filter = state.in === "metadata" ? FILTER.exec(state.search) : null;
  const common = { sort_order: order, requireSignedURLs: state.privacy };
  const search = state.search.trim();
  if (filter === null) return { ...common, sort, search, in: search === "" ? "" : state.in };
  const [, field, sign, value] = filter;
  const quoted = /^"(.*)"$/.exec(value);
  if (quoted !== null && sign === "=") return { ...common, sort: "uploaded", [`meta.${field}[eq:string]`]: quoted[1] };
  const type = /^-?\d+(\.\d+)?$/.test(value) ? "number" : /^(true|false)$/.test(value) ? "boolean" : "string";
  const operator = sign === "=" ? `eq:${type}` : `${OPERATORS[sign]}:number`;
  return { ...common, sort: "uploaded", [`meta.${field}[${operator}]`]: value };
}

function isEverything(state) {
  return state.search.trim() === "" && state.privacy === "";
}

export async function render({ root, query, signal }) {
  const state = Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) => [name, query.get(name) ?? value]));
  const list = h("ul", { className: `images ${remembered("images-view", "grid")}`, "aria-label": "Images" });
  const chosen = selectionBar({ list, signal, removed: (images) => loader.change(-images) });
  const loader = makeLoader({ state, list, chosen, signal });
  replace(root, head(), controls(state, list, () => loader.begin(), signal), chosen.element, loader.status, list, loader.more);
  acceptDrops(signal);
  onUploaded((image) => added(image, list, chosen, state, loader), signal);
  api.call("GET", api.own("/storage"), { signal }).then((sizes) => loader.setStored(sizes.images), () => {});
  list.addEventListener("click", (event) => {
    const item = event.target.closest("a")?.closest(".tile");
    if (item) leave(item.dataset.id, list.children.length);
  });
  const before = returned();
  await loader.begin(before?.shown);
  if (before) backTo(before.image, list, signal);
}

/** Shows and focuses the image that was opened from here, once the page itself is in place. */
function backTo(id, list, signal) {
  requestAnimationFrame(() => {
    const item = [...list.children].find((one) => one.dataset.id === id);
    if (!item || signal.aborted) return;
    item.scrollIntoView({ block: "center" });
    item.querySelector("a").focus({ preventScroll: true });
  });
}

/** What fills the list, page by page. */
function makeLoader({ state, list, chosen, signal }) {
  const status = h("p", { className: "faint status", role: "status" });
  const more = h("div", { className: "more" });
  let request = new AbortController();
  let shown = 0;
  let stored = null;
  let isEnd = false;

  /** `images` is how many there are to be at first. */
  async function begin(images = PAGE) {
    request.abort();
    request = new AbortController();
    shown = 0;
    replace(more);
    list.setAttribute("aria-busy", "true");
    await nextPage(null, request.signal, Math.min(1_000, Math.max(PAGE, images)));
  }

  async function nextPage(token, ended, size = PAGE) {
    replace(more, h("p", { className: "faint" }, "Loading…"));
    try {
      const path = api.own(`/images${api.query({ ...searchParameters(state), per_page: size, continuation_token: token })}`);
      const page = await api.call("GET", path, { signal: ended });
      if (ended.aborted || signal.aborted) return;
      if (token === null) chosen.reset();
      // One that came while the list was read may be there already.
      const items = page.images.filter((image) => !chosen.has(image.id)).map((image) => tile(image, chosen));
      if (token === null) replace(list, items);
      else list.append(...items);
      shown += items.length;
      isEnd = page.continuation_token === null;
      list.removeAttribute("aria-busy");
      tell();
      follow(page, ended);
    } catch (error) {
      if (error.name === "AbortError") return;
      list.removeAttribute("aria-busy");
      if (token === null) {
        chosen.reset();
        replace(list);
      }
      replace(more, failure(error, () => nextPage(token, ended, size)));
    }
  }

  function tell() {
    const isAll = isEverything(state);
    if (shown === 0 && isEnd) {
      status.textContent = "";
      replace(list, isAll ? welcome() : h("li", { className: "empty" }, "No image matches."));
      if (!isAll) say("No image matches.");
      return;
    }
    const all = isAll && stored !== null ? ` of ${number(Math.max(stored, shown))}` : isEnd ? "" : " so far";
    status.textContent = `${count(shown, "image")}${all}`;
  }

  function follow(page, ended) {
    const token = page.continuation_token;
    replace(more);
    if (token === null) return;
    const load = () => nextPage(token, ended);
    if (page.images.length === 0) {
      load();
      return;
    }
    const further = button("Load more", { onclick: load });
    replace(more, further);
    if (shown >= BY_SCROLLING) return;
    const watcher = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      load();
    }, { rootMargin: "1200px" });
    watcher.observe(further);
    for (const end of [ended, signal]) end.addEventListener("abort", () => watcher.disconnect());
  }

  signal.addEventListener("abort", () => request.abort());
  const setStored = (images) => {
    stored = images;
    if (shown > 0) tell();
  };
  const change = (by) => {
    shown = Math.max(0, shown + by);
    stored = stored === null ? null : stored + by;
    tell();
  };
  return { status, more, begin, setStored, change };
}

function head() {
  const upload = button("Upload", { kind: "primary", drawing: "upload", onclick: () => openUploader(), ...needs("write") });
  return pageHead("Hosted images", null, upload);
}

/** The search, the filters, and how images are shown. */
function controls(state, list, begin, signal) {
  const search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search images", value: state.search, spellcheck: false, maxLength: 200, autocomplete: "off" });
  const scope = select(SCOPES, state.in, { "aria-label": "Search in" });
  const privacy = select(PRIVACIES, state.privacy, { "aria-label": "Privacy" });
  const sort = select(SORTS, state.sort, { "aria-label": "Sort" });
  const hint = h("p", { className: "hint", hidden: state.in !== "metadata" },
    "Also field=value, field>5, field<=5: they compare one field, and list by upload time. Dots step into objects: order.number=17. Numbers, true and false in quotes are texts: code=\"17\".");
  let timer;
  const change = () => {
    clearTimeout(timer);
    Object.assign(state, { search: search.value, in: scope.value, privacy: privacy.value, sort: sort.value });
    hint.hidden = state.in !== "metadata";
    const changed = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name]);
    history.replaceState(null, "", href("images", Object.fromEntries(changed)));
    begin();
  };
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(change, 250);
  });
  for (const element of [scope, privacy, sort]) element.addEventListener("change", change);
  window.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, dialog");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      search.focus();
    }
  }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  return h("div", { className: "controls" },
    h("div", { className: "search" }, icon("search"), search, scope), privacy, sort, viewButtons(list), hint);
}

function viewButtons(list) {
  const make = (view, label) => button(label, { kind: "quiet", drawing: view, hideLabel: true, onclick: () => use(view) });
  const buttons = { grid: make("grid", "Show as a grid"), list: make("list", "Show as a list") };
  function use(view) {
    list.classList.remove("grid", "list");
    list.classList.add(view);
    remember("images-view", view);
    for (const [name, element] of Object.entries(buttons)) element.setAttribute("aria-pressed", String(name === view));
  }
  use(list.classList.contains("list") ? "list" : "grid");
  return h("div", { className: "views" }, buttons.grid, buttons.list);
}

/** One image of the list. */
function tile(image, chosen) {
  const name = image.filename ?? image.id;
  const picture = h("img", { alt: "", loading: "lazy", decoding: "async", width: 320, height: 240 });
  picture.addEventListener("error", () => picture.replaceWith(icon("images")));
  picture.src = api.previewUrl(image.id, { options: "width=320,height=240,fit=cover,anim=false" });
  const box = h("input", { type: "checkbox", "aria-label": `Select ${plain(name)}` });
  const element = h("li", { className: "tile" },
    h("span", { className: "pick" }, box),
    h("a", { href: href("image", { id: image.id }), className: "tile-link" },
      h("span", { className: "thumb" }, picture),
      h("span", { className: "tile-text" },
        h("span", { className: "tile-name" }, outside(name)),
        h("span", { className: "tile-more faint" }, image.filename && outside(image.id), image.creator && [" by ", outside(image.creator)]))),
    h("span", { className: "tile-facts" }, privacyBadge(image.requireSignedURLs),
      image.frames > 1 && badge("Animated"),
      h("span", { className: "faint tile-size" }, `${image.width}×${image.height}`),
      h("span", { className: "faint" }, bytes(image.bytes)),
      h("time", { className: "faint tile-time", dateTime: image.uploaded }, moment(image.uploaded))));
  chosen.add(image.id, element, box);
  return element;
}

/** Puts an image that was uploaded just now in front, where the list shows the newest first. */
async function added(image, list, chosen, state, loader) {
  if (state.search.trim() !== "" || state.sort !== DEFAULTS.sort) return;
  if (state.privacy !== "" && state.privacy !== String(image.requireSignedURLs)) return;
  const known = await api.call("GET", api.own(`/image${api.query({ id: image.id })}`)).catch(() => null);
  if (known === null || !list.isConnected || chosen.has(image.id)) return;
  list.querySelector(".empty")?.remove();
  list.prepend(tile(known, chosen));
  loader.change(1);
}

function welcome() {
  return h("li", { className: "empty welcome" }, icon("images"),
    h("p", {}, "No images yet. Upload one: drop it here, paste it, or choose a file. It stays private until you say otherwise."));
}
