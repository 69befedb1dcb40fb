// The panel in the corner that shows uploads, on whichever page.

import { arrange, h, icon } from "./dom.js";
import { button } from "./ui.js";
import { bytes, count, number, plain } from "./format.js";
import { active, again, cancel, forgetEnded, uploads } from "./upload.js";
import { openUploader } from "./uploader.js";

/** Between two drawings, in milliseconds. */
const PACE = 100;

/** Between the panel and what stands on it, in pixels. */
const GAP = 8;

/** Below this many pixels a window is small. */
const SMALL = 700;

/** Rows of each kind that are shown, so that ten thousand files are no burden. */
const MOST = { failed: 100, cancelled: 10, waiting: 5, done: 5 };

const WORDS = { waiting: "Waiting", sending: "Uploading", done: "Uploaded", failed: "Failed", cancelled: "Cancelled" };

let panel = null;
let timer = null;
// Rows are kept from one drawing to the next, so that the keyboard stays where it is.
let rows = new Map();

/** Shows soon how things are. */
export function drawSoon() {
  timer ??= setTimeout(() => {
    timer = null;
    draw();
  }, PACE);
}

function makeRow(job) {
  const state = h("span", { className: "faint" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${plain(job.label)}` });
  const error = h("p", { className: "field-error" });
  const stop = button(`Cancel ${plain(job.label)}`, { kind: "quiet", drawing: "cross", hideLabel: true, onclick: () => cancel([job]) });
  const retry = button("Try again", { kind: "quiet", drawing: "retry", onclick: () => again([job]) });
  const change = button("Change", { kind: "quiet", drawing: "sliders", onclick: () => openUploader(job) });
  const element = h("li", { className: "upload" },
    h("p", { className: "upload-name" }, h("bdi", {}, plain(job.label)), " ", job.size !== null && h("span", { className: "faint" }, bytes(job.size))),
    h("div", { className: "upload-line" }, bar, state, stop, change, retry), error);
  return { element, state, bar, error, stop, change, retry };
}

function row(job) {
  const parts = rows.get(job) ?? makeRow(job);
  const isOver = job.state === "failed" || job.state === "cancelled";
  parts.state.textContent = job.state === "sending" && job.sent > 0 ? `${Math.round(job.sent * 100)} %` : WORDS[job.state];
  // What the server fetches has no progress of its own.
  if (job.url && job.state === "sending") parts.bar.removeAttribute("value");
  else parts.bar.value = job.state === "done" ? 1 : job.sent;
  parts.bar.hidden = isOver;
  parts.error.textContent = job.error ?? "";
  parts.stop.hidden = !(job.state === "waiting" || job.state === "sending");
  parts.change.hidden = job.state !== "failed";
  parts.retry.hidden = !isOver;
  return parts;
}

/** The uploads that have a row: all that are sent, and of the others so many; of those done the last. */
function chosen(jobs, numbers) {
  const seen = { failed: 0, cancelled: 0, waiting: 0, done: 0 };
  return jobs.filter(({ state }) => {
    if (state === "sending") return true;
    seen[state] += 1;
    return state === "done" ? seen.done > numbers.done - MOST.done : seen[state] <= MOST[state];
  });
}

function makePanel() {
  const title = h("h2", {});
  const total = h("progress", { max: 1, value: 0, "aria-label": "Progress of all uploads" });
  const list = h("ul", { className: "uploads-list" });
  const rest = h("p", { className: "hint" });
  const fold = button("Details", { kind: "quiet", drawing: "list", hideLabel: true, onclick: () => {
    const isFolded = element.classList.toggle("folded");
    fold.setAttribute("aria-expanded", String(!isFolded));
  } });
  const close = button("Close", { kind: "quiet", drawing: "cross", hideLabel: true, onclick: forgetEnded });
  const stopAll = button("Cancel all", { kind: "quiet", onclick: () => cancel(active()) });
  const retryAll = button("Try all again", { kind: "quiet", drawing: "retry", onclick: () => again(uploads().filter(({ state }) => state === "failed" || state === "cancelled")) });
  const element = h("section", { className: "uploads", "aria-label": "Uploads" },
    h("header", {}, icon("upload"), title, fold, close), total, h("div", { className: "actions" }, stopAll, retryAll), list, rest);
  // A small window is for the page, until someone asks.
  if (window.innerWidth < SMALL) element.classList.add("folded");
  fold.setAttribute("aria-expanded", String(window.innerWidth >= SMALL));
  document.body.append(element);
  // What else is at the foot of the window makes room.
  const watcher = new ResizeObserver(() => document.documentElement.style.setProperty("--dock", `${element.offsetHeight + GAP}px`));
  watcher.observe(element);
  return { element, watcher, title, total, list, rest, close, stopAll, retryAll };
}

function dropPanel() {
  panel?.watcher.disconnect();
  panel?.element.remove();
  panel = null;
  rows = new Map();
  document.documentElement.style.removeProperty("--dock");
}

function draw() {
  const jobs = uploads();
  if (jobs.length === 0) {
    dropPanel();
    return;
  }
  panel ??= makePanel();
  const numbers = { failed: 0, cancelled: 0, waiting: 0, done: 0, sending: 0 };
  for (const { state } of jobs) numbers[state] += 1;
  const left = numbers.waiting + numbers.sending;
  panel.title.textContent = left > 0
    ? `Uploading ${number(jobs.length - left + 1)} of ${number(jobs.length)}`
    : `${count(numbers.done, "upload")} done${numbers.failed > 0 ? `, ${number(numbers.failed)} failed` : ""}`;
  panel.total.value = jobs.reduce((sum, job) => sum + (job.state === "waiting" ? 0 : job.state === "sending" ? job.sent : 1), 0) / jobs.length;
  panel.close.hidden = left > 0;
  panel.stopAll.hidden = left === 0;
  panel.retryAll.hidden = left > 0 || numbers.failed + numbers.cancelled < 2;
  const shown = chosen(jobs, numbers);
  rows = new Map(shown.map((job) => [job, row(job)]));
  arrange(panel.list, [...rows.values()].map(({ element }) => element));
  const rest = jobs.length - shown.length;
  panel.rest.textContent = rest > 0 ? `And ${count(rest, "other")}` : "";
  panel.rest.hidden = rest === 0;
}

// Whoever logs in next does not see what was uploaded before.
window.addEventListener("safelight-session", drawSoon);
