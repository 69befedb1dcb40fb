// The public API, as any other client has it.

/** A refusal, with the server's own words. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Who is logged in: the result of GET /safelight/v1/session. */
export let session = null;

let lost = () => {};

/** What is done when the session has ended. */
export function onLost(action) {
  lost = action;
}

/** Reads who is logged in; null when nobody is. */
export async function loadSession() {
  try {
    session = await call("GET", "/safelight/v1/session");
  } catch (error) {
    if (error.status !== 401) throw error;
    session = null;
  }
  return session;
}

/** Logs in. */
export async function logIn(token) {
  session = await call("POST", "/safelight/v1/session", { json: { token } });
  return session;
}

/** Logs out. */
export async function logOut() {
  await call("DELETE", "/safelight/v1/session");
  session = null;
}

/** A path of Cloudflare's API below `…/images`. */
export function images(path = "") {
  return `/client/v4/accounts/${session.account_id}/images${path}`;
}

/** A path of the account's own API. */
export function own(path = "") {
  return `/safelight/v1/accounts/${session.account_id}${path}`;
}

/** The path of one image in Cloudflare's API. */
export function imagePath(id) {
  return images(`/v1/${encodeURIComponent(id)}`);
}

/** A query string of what is neither undefined, null nor empty. */
export function query(parameters) {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
}

/** The address of a picture for its owner. `what` is `{ variant }` or `{ options }`, with a `format` if wanted. */
export function previewUrl(id, what) {
  return own(`/preview${query({ image: id, ...what })}`);
}

/** The headers that a request with the session's cookie needs. */
export function guardHeaders() {
  return session?.csrf ? { "X-CSRF-Token": session.csrf } : {};
}

/** Sends a request and returns the `result` of its envelope, or throws an ApiError. */
export async function call(method, path, { json, form, signal } = {}) {
  const answer = await send(method, path, { json, form, signal });
  const text = await answer.text();
  return unwrap(answer.status, text, path);
}

/** Sends a request and returns the answer itself once its status is good. */
export async function fetchRaw(method, path, options = {}) {
  const answer = await send(method, path, options);
  if (!answer.ok) unwrap(answer.status, await answer.text(), path);
  return answer;
}

async function send(method, path, { json, form, signal, accept }) {
  const headers = method === "GET" ? {} : guardHeaders();
  if (accept) headers.Accept = accept;
  let body = form;
  if (json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  }
  try {
    return await fetch(path, { method, headers, body, signal, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, null, "The server cannot be reached. Check that it is running, then try again.");
  }
}

/** The `result` of an envelope, or an ApiError with what its errors say. */
export function unwrap(status, text, path) {
  let envelope = null;
  try {
    envelope = JSON.parse(text);
  } catch {
    // What is no JSON comes from something in front of the server.
  }
  if (status >= 200 && status < 300 && envelope?.success) return envelope.result;
  const first = envelope?.errors?.[0];
  if (status === 401 && session !== null && path !== "/safelight/v1/session") {
    session = null;
    lost();
  }
  throw new ApiError(status, first?.code ?? null, first?.message ?? `The server answered with status ${status}.`);
}

/** Whether the session's token has a scope. */
export function may(scope) {
  return session?.scopes.includes(scope) ?? false;
}

/** Runs `job` on every item, at most `width` at a time; what each gave, as Promise.allSettled has it. */
export async function forEach(items, width, job) {
  const results = new Array(items.length);
  let next = 0;
  async function lane() {
    while (next < items.length) {
      const index = next;
      next += 1;
      try {
        results[index] = { status: "fulfilled", value: await job(items[index], index) };
      } catch (reason) {
        results[index] = { status: "rejected", reason };
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}
