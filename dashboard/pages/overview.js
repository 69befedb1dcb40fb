// What is stored, what is asked for over time, and whether everything works.

import { h, freshId, replace } from "../dom.js";
import * as api from "../api.js";
import { href } from "../app.js";
import { badge, button, failure, linkButton, pageHead, section } from "../ui.js";
import { bytes, count, countdown, number } from "../format.js";
import { plot } from "../plot.js";
import { newest, RANGES, readUsage, total } from "../usage.js";

const REFRESH_MS = 30_000;

/** Most keys with a line of their own; the rest are one line. */
const MOST_KEYS = 5;

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const sumOf = (values) => number(total(values));
const milliseconds = (value) => `${number(value)} ms`;
const newestOf = (values) => (newest(values) === null ? "none" : `now ${milliseconds(newest(values))}`);

const REFUSED = [["refused_no_token", "No token"], ["refused_expired", "Expired"], ["refused_signature", "Bad signature"], ["refused_malformed", "Malformed"], ["refused_other", "Other"]];
const ANSWERS = [["requests", "Requests"], ["hits", "From stored renditions"], ["renders", "Rendered"], ["failed", "Failed"]];

export async function render({ root, query, signal }) {
  if (!api.may("read")) {
    replace(root, pageHead("Overview"), h("p", { className: "notice" }, "Your token lacks the scope read, which this page needs."));
    return;
  }
  const state = { signal, range: RANGES.find(({ name }) => name === query.get("range")) ?? RANGES[1] };
  const status = h("span", {}, "Read again every 30 seconds.");
  const problem = h("div", { className: "problems" });
  const first = h("div", { hidden: true });
  const cards = h("ul", { className: "cards" });
  const health = h("ul", { className: "health" });
  const drawn = plots(signal);
  const area = h("div", { className: "plots" }, Object.values(drawn));
  Object.assign(state, { status, problem, first, cards, health, plots: drawn, area });
  replace(root,
    pageHead("Overview", status, chooser(state), button("Refresh", { drawing: "retry", hideLabel: true, onclick: () => refresh(state) })),
    problem, first, cards,
    section("Health", health),
    area);
  await refresh(state);
  keepFresh(state);
}

/** Reads again from time to time while the page is seen, and as soon as it is seen again. */
function keepFresh(state) {
  const again = () => {
    if (document.visibilityState === "visible") refresh(state);
  };
  const timer = setInterval(again, REFRESH_MS);
  document.addEventListener("visibilitychange", again, { signal: state.signal });
  state.signal.addEventListener("abort", () => clearInterval(timer));
}

function chooser(state) {
  const name = freshId("range");
  const choose = (range) => {
    state.range = range;
    history.replaceState(null, "", href("overview", { range: range.name }));
    refresh(state);
  };
  return h("fieldset", { className: "segments" }, h("legend", { className: "hidden" }, "Time shown"),
    RANGES.map((range) => {
      const input = h("input", { type: "radio", name, id: freshId("range"), checked: range === state.range, onchange: () => choose(range) });
      return h("span", {}, input, h("label", { htmlFor: input.id }, range.label));
    }));
}

function plots(signal) {
  const counts = { whole: true, sum: sumOf, signal };
  return {
    requests: plot("Requests", counts),
    refused: plot("Refused requests by reason", { ...counts, stacked: true }),
    bytes: plot("Bytes sent", { stacked: true, whole: true, format: bytes, sum: (values) => bytes(total(values)), signal }),
    latency: plot("Latency", { format: milliseconds, sum: newestOf, signal }),
    keys: plot("Signed requests by key", counts),
  };
}

/** What was read last stays where reading fails, with the reason above it. */
async function refresh(state) {
  const { range, signal } = state;
  const parts = [
    api.call("GET", api.own("/storage"), { signal }),
    readUsage(range, signal),
    api.call("GET", "/safelight/v1/health", { signal }),
  ];
  const [storage, usage, health] = await Promise.allSettled(parts);
  // Another range may have been chosen in the meantime.
  if (signal.aborted || range !== state.range) return;
  const failed = [storage, usage, health].find(({ status }) => status === "rejected");
  replace(state.problem, failed && failure(failed.reason, () => refresh(state)));
  if (storage.value && usage.value) showCards(state, storage.value, usage.value);
  if (usage.value) showPlots(state, usage.value);
  if (health.value) showHealth(state, health.value);
  if (failed) return;
  replace(state.status, `As of ${CLOCK.format(new Date())}; read again every 30 seconds.`);
}

function card(label, value, note) {
  return h("li", { className: "card panel" }, h("span", { className: "card-label" }, label), h("strong", {}, value), note && h("span", { className: "hint" }, note));
}

function showCards(state, storage, { series }) {
  const { range } = state;
  const asked = total(series.requests);
  const [hits, renders] = [total(series.hits), total(series.renders)];
  const refused = REFUSED.reduce((sum, [name]) => sum + total(series[name]), 0);
  const share = (part, whole) => `${number((100 * part) / whole)} %`;
  replace(state.cards,
    card("Images stored", number(storage.images), `${bytes(storage.original_bytes)} of originals`),
    card("Renditions stored", number(storage.renditions), bytes(storage.rendition_bytes)),
    card("Levels stored", number(storage.levels), bytes(storage.level_bytes)),
    card("Requests", number(asked), `in ${range.words}`),
    card("Cache hits", hits + renders === 0 ? "–" : share(hits, hits + renders), `${number(renders)} rendered`),
    card("Refused", number(refused), asked === 0 ? "none asked" : `${share(refused, asked)} of the requests`),
    card("Bytes sent", bytes(total(series.bytes)), `${count(total(series.failed), "request")} failed`));
  const isNew = storage.images === 0;
  state.first.hidden = !isNew;
  state.area.hidden = isNew && asked === 0;
  if (isNew && !state.first.firstChild) replace(state.first, firstSteps());
}

function firstSteps() {
  const step = (title, text, label, page) => h("li", {}, h("h3", {}, title), h("p", {}, text), h("p", {}, linkButton(label, href(page))));
  return section("First steps", h("ol", { className: "first-steps" },
    step("Upload a picture", "It is private unless you say otherwise: nobody sees it without a signed link.", "Go to Hosted images", "images"),
    step("Sign a link", "Copy a signing key to your server, or let the page of the picture make a link.", "Go to Keys", "keys"),
    step("Put it on your site", "The code that signs, in your language.", "Go to Developer", "developer")));
}

function showPlots({ plots: drawn }, usage) {
  const from = new Date(usage.from).getTime();
  const show = (one, series) => one.show({ from, width: usage.width, series });
  const named = (list) => list.map(([name, label]) => ({ label, values: usage.series[name] ?? [] }));
  show(drawn.requests, named(ANSWERS));
  show(drawn.refused, named(REFUSED));
  show(drawn.bytes, named([["bytes", "Bytes"]]));
  show(drawn.latency, ["p50", "p95", "p99"].map((name) => ({ label: name, values: usage.latency[name] ?? [] })));
  show(drawn.keys, byKey(usage.keys, usage.series.requests.length));
}

function byKey(keys, length) {
  const sorted = Object.entries(keys).sort(([, a], [, b]) => total(b) - total(a));
  const shown = sorted.slice(0, MOST_KEYS).map(([label, values]) => ({ label, values }));
  const rest = sorted.slice(MOST_KEYS).map(([, values]) => values);
  if (rest.length > 0) {
    const values = Array.from({ length }, (_, index) => total(rest.map((one) => one[index])));
    shown.push({ label: count(rest.length, "other key"), values });
  }
  return shown.length > 0 ? shown : [{ label: "No key was used", values: new Array(length).fill(0) }];
}

function showHealth({ health }, answer) {
  const row = (label, { state, text }, more) => h("li", {}, h("strong", {}, label),
    state === "ok" ? badge("Works", "good", "check") : badge("Failed", "bad", "warning"), h("span", { className: "hint" }, text, more));
  const { workers, busy, waiting, jobs, timeouts, signals, failures } = answer.render_workers;
  const trouble = [[timeouts, "timeout"], [signals, "crash", "crashes"], [failures, "failure"]].filter(([value]) => value > 0).map((words) => count(...words));
  replace(health,
    row("Database", answer.database),
    row("Store", answer.store),
    row("Render workers", answer.render_workers, ` ${number(busy)} of ${number(workers)} busy, ${number(waiting)} waiting, ${count(jobs, "job")} done${trouble.length > 0 ? `, ${trouble.join(", ")}` : ""}.`),
    h("li", {}, h("strong", {}, `Safelight ${answer.version}`), h("span", { className: "hint" }, `Up for ${countdown(answer.uptime_seconds)}.`)));
}
