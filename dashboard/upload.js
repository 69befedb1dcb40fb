// Uploads that go on while other pages are shown: the queue. `upload_panel.js` shows it.

import * as api from "./api.js";
import { say } from "./ui.js";
import { count } from "./format.js";
import { drawSoon } from "./upload_panel.js";

/** Uploads at once. */
const WIDTH = 3;

let jobs = [];
let sending = 0;
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

// An upload belongs to the account that was logged in when it was begun, and goes to no other.
const isOurs = (job) => api.session !== null && api.session.account_id === job.account;

function add(entries) {
  const account = api.session.account_id;
  const kept = jobs.filter((job) => job.state !== "done" && (isOurs(job) || job.state === "sending"));
  jobs = kept.concat(entries.map((entry) => ({ ...entry, account, state: "waiting", sent: 0 })));
  next();
}

function next() {
  for (const job of jobs) {
    if (sending >= WIDTH) break;
    if (job.state === "waiting") send(job);
  }
  drawSoon();
}

function send(job) {
  if (!isOurs(job)) {
    fail(job, "The session has ended. Log in again, then try again.");
    return;
  }
  const form = new FormData();
  for (const [name, value] of Object.entries(job.fields)) if (value !== "") form.set(name, value);
  if (job.url) form.set("url", job.url);
  else form.set("file", job.file, job.label);
  const request = new XMLHttpRequest();
  job.request = request;
  job.state = "sending";
  sending += 1;
  request.open("POST", api.images("/v1"));
  for (const [name, value] of Object.entries(api.guardHeaders())) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", (event) => {
    job.sent = event.total > 0 ? event.loaded / event.total : 0;
    drawSoon();
  });
  request.addEventListener("load", () => ended(job, () => receive(job, request)));
  request.addEventListener("error", () => ended(job, () => fail(job, "The connection broke. The server may have refused a body that is too large, or cannot be reached.")));
  request.addEventListener("abort", () => ended(job, () => {
    job.state = "cancelled";
  }));
  request.send(form);
}

function ended(job, then) {
  sending -= 1;
  then();
  next();
  if (active().length > 0) return;
  const failed = jobs.filter(({ state }) => state === "failed").length;
  say(failed > 0 ? `${count(failed, "upload")} failed` : "All uploads are done");
}

function receive(job, request) {
  try {
    const image = api.unwrap(request.status, request.responseText, "upload");
    job.state = "done";
    job.sent = 1;
    // The bytes are not needed any more.
    job.file = job.file && null;
    for (const listener of listeners) listener(image);
  } catch (error) {
    fail(job, error.message);
  }
}

function fail(job, message) {
  job.state = "failed";
  job.error = message;
}

/** Every upload of the account that is logged in. */
export function uploads() {
  return jobs.filter(isOurs);
}

/** Those that are not at their end. */
export function active() {
  return jobs.filter(({ state }) => state === "sending" || state === "waiting");
}

/** Ends some of them. */
export function cancel(some) {
  const running = some.filter(({ state }) => state === "sending");
  // Those that wait first: the end of one that runs would begin the next.
  for (const job of some) if (job.state === "waiting") job.state = "cancelled";
  for (const job of running) job.request.abort();
  drawSoon();
}

/** Begins some of them anew, with other `fields` if there are any. */
export function again(some, fields) {
  for (const job of some) Object.assign(job, { state: "waiting", sent: 0, error: undefined, fields: fields ?? job.fields });
  next();
}

/** Forgets those that are at their end. */
export function forgetEnded() {
  jobs = active();
  drawSoon();
}

window.addEventListener("beforeunload", (event) => {
  if (active().length > 0) event.preventDefault();
});
