// Uploads that go on while other pages are shown: the queue, and the panel in the corner that shows it.

import { h, icon, replace } from "./dom.js";
import { guardHeaders, images, unwrap } from "./api.js";
import { button, say } from "./ui.js";
import { bytes, count, plain } from "./format.js";

/** Uploads at once. */
const WIDTH = 3;

const WORDS = { waiting: "Waiting", sending: "Uploading", done: "Uploaded", failed: "Failed", cancelled: "Cancelled" };

let jobs = [];
let panel = null;
const listeners = new Set();

/** Calls `listener` with every uploaded image until the signal ends. */
export function onUploaded(listener, signal) {
  listeners.add(listener);
  signal.addEventListener("abort", () => listeners.delete(listener));
}

/** Puts files into the queue. `fields` go with each of them. */
export function uploadFiles(files, fields) {
  add([...files].map((file) => ({ label: file.name || "pasted image", size: file.size, file, fields })));
}

/** Puts addresses into the queue, which the server fetches. */
export function uploadUrls(urls, fields) {
  add(urls.map((url) => ({ label: url, size: null, url, fields })));
}

function add(entries) {
  jobs = jobs.filter((job) => job.state !== "done").concat(entries.map((entry) => ({ ...entry, state: "waiting", sent: 0 })));
  draw();
  next();
}

function active() {
  return jobs.filter((job) => job.state === "sending" || job.state === "waiting");
}

function next() {
  for (const job of jobs) {
    if (jobs.filter((one) => one.state === "sending").length >= WIDTH) break;
    if (job.state === "waiting") send(job);
  }
  if (active().length === 0 && jobs.length > 0) {
    const failed = jobs.filter((job) => job.state === "failed").length;
    say(failed > 0 ? `${count(failed, "upload")} failed` : "All uploads are done");
  }
}

function send(job) {
  const form = new FormData();
  for (const [name, value] of Object.entries(job.fields)) if (value !== "") form.set(name, value);
  if (job.url) form.set("url", job.url);
  else form.set("file", job.file, job.label);
  const request = new XMLHttpRequest();
  job.request = request;
  job.state = "sending";
  request.open("POST", images("/v1"));
  for (const [name, value] of Object.entries(guardHeaders())) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", (event) => {
    job.sent = event.total > 0 ? event.loaded / event.total : 0;
    draw();
  });
  request.addEventListener("load", () => finish(job, () => unwrap(request.status, request.responseText, "upload")));
  request.addEventListener("error", () => finish(job, () => {
    throw new Error("The connection broke. The server may have refused a body that is too large, or cannot be reached.");
  }));
  request.addEventListener("abort", () => {
    job.state = "cancelled";
    draw();
    next();
  });
  request.send(form);
  draw();
}

function finish(job, read) {
  try {
    job.image = read();
    job.state = "done";
    job.sent = 1;
    // The bytes are not needed any more.
    job.file = job.file && null;
    for (const listener of listeners) listener(job.image);
  } catch (error) {
    job.state = "failed";
    job.error = error.message;
  }
  draw();
  next();
}

function cancel(job) {
  if (job.state === "sending") {
    job.request.abort();
    return;
  }
  job.state = "cancelled";
  draw();
}

function again(job) {
  job.state = "waiting";
  job.sent = 0;
  job.error = undefined;
  draw();
  next();
}

// Rows are kept from one drawing to the next, so that the keyboard stays where it is.
const rows = new Map();

function row(job) {
  if (!rows.has(job)) {
    const state = h("span", { className: "faint" });
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${job.label}` });
    const error = h("p", { className: "field-error" });
    const stop = button(`Cancel ${plain(job.label)}`, { kind: "quiet", drawing: "cross", hideLabel: true, onclick: () => cancel(job) });
    const retry = button("Try again", { kind: "quiet", drawing: "retry", onclick: () => again(job) });
    const element = h("li", { className: "upload" },
      h("p", { className: "upload-name" }, h("bdi", {}, plain(job.label)), " ", job.size !== null && h("span", { className: "faint" }, bytes(job.size))),
      h("div", { className: "upload-line" }, bar, state, stop, retry), error);
    rows.set(job, { element, state, bar, error, stop, retry });
  }
  const parts = rows.get(job);
  parts.state.textContent = job.state === "sending" && job.sent > 0 ? `${Math.round(job.sent * 100)} %` : WORDS[job.state];
  // What the server fetches has no progress of its own.
  if (job.url && job.state === "sending") parts.bar.removeAttribute("value");
  else parts.bar.value = job.state === "done" ? 1 : job.sent;
  parts.bar.hidden = job.state === "failed" || job.state === "cancelled";
  parts.error.textContent = job.error ?? "";
  parts.stop.hidden = !(job.state === "waiting" || job.state === "sending");
  parts.retry.hidden = !(job.state === "failed" || job.state === "cancelled");
  return parts.element;
}

function makePanel() {
  const title = h("h2", {});
  const total = h("progress", { max: 1, value: 0, "aria-label": "Progress of all uploads" });
  const list = h("ul", { className: "uploads-list" });
  const fold = button("Fold", { kind: "quiet", drawing: "list", hideLabel: true, onclick: () => element.classList.toggle("folded") });
  const close = button("Close", { kind: "quiet", drawing: "cross", hideLabel: true, onclick: () => {
    jobs = [];
    rows.clear();
    element.remove();
    panel = null;
  } });
  const stopAll = button("Cancel all", { kind: "quiet", onclick: () => active().forEach(cancel) });
  const retryAll = button("Try all again", { kind: "quiet", drawing: "retry", onclick: () => jobs.filter((job) => job.state === "failed" || job.state === "cancelled").forEach(again) });
  const element = h("section", { className: "uploads", "aria-label": "Uploads" },
    h("header", {}, icon("upload"), title, fold, close), total, h("div", { className: "actions" }, stopAll, retryAll), list);
  document.body.append(element);
  panel = { element, title, total, list, close, stopAll, retryAll };
}

function draw() {
  if (jobs.length === 0) return;
  if (panel === null) makePanel();
  const left = active().length;
  const failed = jobs.filter((job) => job.state === "failed").length;
  const done = jobs.filter((job) => job.state === "done").length;
  panel.title.textContent = left > 0 ? `Uploading ${done + 1 > jobs.length ? jobs.length : done + 1} of ${jobs.length}` : `${count(done, "upload")} done${failed > 0 ? `, ${failed} failed` : ""}`;
  panel.total.value = jobs.reduce((sum, job) => sum + (job.state === "done" || job.state === "failed" ? 1 : job.sent), 0) / jobs.length;
  panel.close.hidden = left > 0;
  panel.stopAll.hidden = left === 0;
  panel.retryAll.hidden = left > 0 || failed === 0;
  const wanted = jobs.map(row);
  if (wanted.length !== panel.list.children.length || wanted.some((element, index) => panel.list.children[index] !== element)) replace(panel.list, wanted);
}

window.addEventListener("beforeunload", (event) => {
  if (active().length > 0) event.preventDefault();
});
