// Who is logged in, the frame around every page, and which page is shown.

import { h, s, icon, replace } from "./dom.js";
import * as api from "./api.js";
import { button, failure, toast } from "./ui.js";
import { showLogin } from "./login.js";
import { applyTheme, themeButton } from "./theme.js";

/** Every page: its name in the address, its label, and its module. `under` makes it a part of another. */
const PAGES = [
  { name: "overview", label: "Overview", drawing: "chart", load: () => import("./pages/overview.js") },
  { name: "images", label: "Hosted images", drawing: "images", load: () => import("./pages/images.js") },
  { name: "image", label: "One image", under: "images", hidden: true, load: () => import("./pages/image.js") },
  { name: "keys", label: "Keys", drawing: "key", under: "images", load: () => import("./pages/keys.js") },
  { name: "delivery", label: "Delivery", drawing: "sliders", under: "images", load: () => import("./pages/delivery.js") },
  { name: "verify", label: "Verify", drawing: "shield", load: () => import("./pages/verify.js") },
  { name: "import", label: "Import", drawing: "download", load: () => import("./pages/import.js") },
  { name: "tokens", label: "Tokens", drawing: "token", load: () => import("./pages/tokens.js") },
  { name: "developer", label: "Developer", drawing: "code", load: () => import("./pages/developer.js") },
];

const FIRST = "images";

const app = document.getElementById("app");
let leave = new AbortController();
let links = new Map();
let main = null;

/** The page in the address: its name and parameters. */
function place() {
  const [name, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { page: PAGES.find((page) => page.name === name) ?? null, name, query: new URLSearchParams(query ?? "") };
}

// Which page is shown, and which was before it.
const visited = { now: null, before: null };

/** Whether the page before this one was `name`. */
export function cameFrom(name) {
  return visited.before === name;
}

/** The address of a page. */
export function href(name, parameters = {}) {
  return `#/${name}${api.query(parameters)}`;
}

function brand() {
  const drawing = s("svg", { viewBox: "0 0 32 32", class: "logo", "aria-hidden": "true" },
    s("path", { d: "M8 14a8 8 0 0 1 16 0zM15 4h2v5h-2z" }), s("path", { d: "M9.5 17h13l4.5 11h-22z", opacity: ".35" }));
  return h("a", { href: href(FIRST), className: "brand" }, drawing, h("span", {}, "Safelight"));
}

function navigation(close) {
  links = new Map();
  const link = ({ name, label, drawing, under }) => {
    const element = h("a", { href: href(name), className: under ? "nested" : "", onclick: close }, icon(drawing), h("span", {}, label));
    links.set(name, element);
    return h("li", {}, element);
  };
  return h("nav", { "aria-label": "Pages" }, h("ul", {}, PAGES.filter((page) => !page.hidden).map(link)));
}

function frame() {
  const close = () => side.classList.remove("open");
  const menu = button("Menu", { kind: "quiet menu", drawing: "menu", hideLabel: true, onclick: () => {
    const open = side.classList.toggle("open");
    menu.setAttribute("aria-expanded", String(open));
    if (open) side.querySelector("nav a").focus();
  } });
  menu.setAttribute("aria-expanded", "false");
  menu.setAttribute("aria-controls", "side");
  const account = h("p", { className: "who" }, h("bdi", {}, api.session.account_name ?? "Account"));
  const foot = h("div", { className: "side-foot" }, account, themeButton(),
    api.session.csrf && button("Log out", { kind: "quiet", drawing: "leave", onclick: logOut }));
  const side = h("div", { className: "side", id: "side" }, brand(), navigation(close), foot);
  side.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
      menu.focus();
    }
  });
  main = h("main", { id: "main", tabIndex: -1 });
  replace(app, h("div", { className: "frame" }, h("div", { className: "top" }, menu, brand()), side, main));
}

async function logOut() {
  try {
    await api.logOut();
  } catch (error) {
    toast(error.message, "bad");
    return;
  }
  location.hash = "";
  start();
}

async function show() {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const { page, query } = place();
  if (page === null) {
    location.replace(href(FIRST));
    return;
  }
  Object.assign(visited, { now: page.name, before: visited.now });
  const shown = links.get(page.name) ?? links.get(page.under);
  links.forEach((link) => (link === shown ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current")));
  document.title = `${page.label} · Safelight`;
  const root = h("div", { className: `page page-${page.name}` });
  replace(main, root);
  main.setAttribute("aria-busy", "true");
  try {
    const module = await page.load();
    if (signal.aborted) return;
    await module.render({ root, query, signal });
  } catch (error) {
    if (!signal.aborted && error.name !== "AbortError") replace(root, h("h1", { tabIndex: -1 }, page.label), failure(error, show));
  }
  if (signal.aborted) return;
  main.removeAttribute("aria-busy");
  window.scrollTo(0, 0);
  if (moved) root.querySelector("h1")?.focus({ preventScroll: true });
  moved = true;
}

// The first page is not focused: the browser says its title by itself.
let moved = false;

async function start() {
  moved = false;
  try {
    await api.loadSession();
  } catch (error) {
    replace(app, h("main", { className: "alone" }, h("h1", {}, "Safelight"), failure(error, start)));
    return;
  }
  if (api.session !== null) {
    await enter();
    return;
  }
  window.dispatchEvent(new Event("safelight-session"));
  showLogin(app, enter);
}

/** Shows the pages to whoever is logged in now. */
async function enter() {
  window.dispatchEvent(new Event("safelight-session"));
  frame();
  await show();
}

applyTheme();
api.onLost(() => {
  leave.abort();
  toast("The session has ended. Log in again.", "bad");
  start();
});
window.addEventListener("hashchange", () => {
  // Before the frame is there, no page can be shown; once it is, that of the address is.
  if (main?.isConnected && location.hash !== "#main") show();
});
// The skip link must not be taken for a page.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main")?.focus();
});
start();
