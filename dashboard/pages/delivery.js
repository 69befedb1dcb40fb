// How pictures are delivered: variants, what holds for the account, its domains, and remote images.

import { h, replace } from "../dom.js";
import * as api from "../api.js";
import { href } from "../app.js";
import { badge, button, confirm, form, linkButton, load, needs, pageHead, section, table, toast, toggle } from "../ui.js";
import { originList } from "../origins.js";
import { ttlField, ttlText } from "../ttl.js";
import { editor } from "../variant_editor.js";
import { summary } from "../variant_options.js";

/** The variant that every account has. */
const PUBLIC = "public";

const ABOUT_DOMAINS = "Origins under which the images of this account are reachable. They are offered for links; DNS and certificates are yours, as docs/custom-domains.md tells.";

export async function render({ root, query, signal }) {
  if (!api.may("read")) {
    replace(root, pageHead("Delivery"), h("p", { className: "notice" }, "Your token lacks the scope read, which this page needs."));
    return;
  }
  if (query.has("edit") || query.has("new")) await renderEditor(root, query, signal);
  else await renderPage(root, signal);
}

async function readVariants(signal) {
  const [{ variants }, config] = await Promise.all([
    api.call("GET", api.images("/v1/variants"), { signal }),
    api.call("GET", api.images("/v1/config"), { signal }),
  ]);
  return { variants: Object.values(variants), config };
}

async function renderEditor(root, query, signal) {
  const { variants, config } = await readVariants(signal);
  const named = (name) => variants.find(({ id }) => id === name);
  const variant = named(query.get("edit"));
  const back = linkButton("All variants", href("delivery"));
  if (query.has("edit") && !variant) {
    replace(root, pageHead("Delivery", null, back), h("p", { className: "notice" }, "There is no such variant."));
    return;
  }
  const leave = () => {
    location.hash = href("delivery");
  };
  replace(root,
    pageHead(variant ? `Variant ${variant.id}` : "New variant", "It counts from the next request on; browsers keep what they have until its TTL ends.", back),
    editor({ variant, copied: named(query.get("new")), config, signal, cancel: leave, done: (name) => {
      toast(`The variant ${name} is stored.`);
      leave();
    } }));
}

async function renderPage(root, signal) {
  const variants = h("div", {});
  const settings = h("div", { className: "form" });
  const domains = h("div", {});
  const origins = h("div", {});
  const create = linkButton("New variant", href("delivery", { new: "-" }), { kind: "primary", drawing: "plus" });
  replace(root,
    pageHead("Delivery", "Variants are names for options: the last part of a delivery URL says which one is served.", create),
    section("Variants", variants),
    h("div", { className: "columns" },
      section("Account settings", settings),
      section("Custom domains", h("p", { className: "hint" }, ABOUT_DOMAINS), domains),
      section("Allowed origins for remote images", h("p", { className: "hint" }, "Where images may come from that are not stored here. They count for the whole server."), origins)));
  const again = () => load(variants, () => readVariants(signal), (read) => variantTable(read, again));
  await Promise.all([
    again(),
    load(settings, () => api.call("GET", api.images("/v1/config"), { signal }), (config) => accountSettings(config, again)),
    load(domains, () => api.call("GET", api.own("/domains"), { signal }), domainList),
    api.session.instance_admin
      ? load(origins, () => api.call("GET", "/safelight/v1/origins", { signal }), remoteOrigins)
      : replace(origins, h("p", { className: "faint" }, "Only the token of an instance admin may see and change them.")),
  ]);
}

function variantTable({ variants, config }, again) {
  const rows = variants.map((variant) => {
    const { id, options, neverRequireSignedURLs: isPublic } = variant;
    const edit = h("a", { href: href("delivery", { edit: id }) }, id);
    const remove = button("Delete", { kind: "quiet danger", drawing: "trash", hideLabel: true, onclick: () => removeVariant(variant, again), ...needs("write") });
    remove.querySelector("span").textContent = `Delete ${id}`;
    if (id === PUBLIC) Object.assign(remove, { disabled: true, title: "public cannot be deleted" });
    return [
      edit,
      h("code", {}, summary(options)),
      isPublic ? badge("Always public", "warn", "open") : badge("As the image", "", "lock"),
      options.browser_ttl ? ttlText(options.browser_ttl) : h("span", { className: "faint" }, `${ttlText(config.browser_ttl)} (account)`),
      h("div", { className: "actions" },
        named(linkButton("Edit", href("delivery", { edit: id }), { kind: "quiet" }), id),
        named(linkButton("Duplicate", href("delivery", { new: id }), { kind: "quiet" }), id),
        remove),
    ];
  });
  return table("Variants", ["Name", "Options", "Access", "Browser TTL", h("span", { className: "hidden" }, "Actions")], rows, { stack: true });
}

/** Says to screen readers what a link is about. */
function named(link, what) {
  link.append(h("span", { className: "hidden" }, ` ${what}`));
  return link;
}

async function removeVariant({ id }, again) {
  const text = `Every URL that ends in /${id} stops working at once, wherever it is used. Images stay as they are.`;
  if (!(await confirm(`Delete the variant ${id}?`, text, "Delete"))) return;
  try {
    await api.call("DELETE", api.images(`/v1/variants/${encodeURIComponent(id)}`));
    toast(`The variant ${id} is deleted.`);
    again();
  } catch (error) {
    toast(error.message, "bad");
  }
}

function accountSettings(config, again) {
  const change = (json) => api.call("PATCH", api.images("/v1/config"), { json });
  const flexible = toggle("Flexible variants", config.flexible_variants, async (on) => {
    await change({ flexible_variants: on });
    toast(on ? "Options in URLs are served." : "Options in URLs are no longer served.");
  }, { hint: "Options in place of a variant's name, such as /width=400,fit=cover. Private images need a signed URL, which covers the options.", ...needs("write") });
  const ttl = ttlField("Browser TTL", config.browser_ttl, { unset: "Default (2 days)", hint: "How long browsers may keep pictures whose variant says nothing else.", disabled: !api.may("write") });
  const save = form([ttl], "Save", async () => {
    await change({ browser_ttl: ttl.value() });
    toast("The browser TTL is stored.");
    again();
  });
  Object.assign(save.send, needs("write"));
  return [flexible, save];
}

function domainList({ domains }) {
  return originList({
    items: domains, label: "Add a domain", placeholder: "https://img.example.com", hint: "With https:// and without a path; at most 20.", empty: "None: links have the server's own address.",
    save: async (list) => (await api.call("PUT", api.own("/domains"), { json: { domains: list } })).domains,
  });
}

function remoteOrigins({ configured, stored }) {
  return originList({
    items: stored, fixed: configured, why: "settings file", label: "Add an origin", placeholder: "images.example.com",
    hint: "A host, *.example.com for it and all below, or * for any; a path may follow. No scheme, no port.",
    empty: "None: no remote images are served.",
    save: async (list) => (await api.call("PUT", "/safelight/v1/origins", { json: { stored: list } })).stored,
  });
}
