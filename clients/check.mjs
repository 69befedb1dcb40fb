// What every script here needs: where the server is, and a count of what was checked.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual, inspect } from "node:util";

const variable = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: cargo test runs these scripts`);
  return value;
};

export const origin = variable("SAFELIGHT_ORIGIN");
export const account = variable("SAFELIGHT_ACCOUNT");
export const hash = variable("SAFELIGHT_HASH");
export const token = variable("SAFELIGHT_TOKEN");
export const key = variable("SAFELIGHT_KEY");
/** A JPEG of 1600x1067 pixels. */
export const picture = readFileSync(variable("SAFELIGHT_PICTURE"));

let checked = 0;

/** Ends the script unless the two are equal. */
export function same(what, seen, expected) {
  if (!isDeepStrictEqual(seen, expected)) {
    throw new Error(`${what}: ${inspect(seen)}, expected ${inspect(expected)}`);
  }
  checked += 1;
  console.log(`ok ${what}`);
}

/** Ends the script unless it is true. */
export const holds = (what, truth) => same(what, Boolean(truth), true);

/** The last line of a script that got to its end. */
export const done = () => console.log(`checked ${checked}`);

/** Calls the management API below the account's images, and returns the result. */
export async function api(method, path, body) {
  const answer = await fetch(`${origin}/client/v4/accounts/${account}/images${path}`, {
    method,
    body: body instanceof FormData ? body : JSON.stringify(body),
    headers: { authorization: `Bearer ${token}` },
  });
  const envelope = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(envelope)}`);
  return envelope.result;
}

/** Uploads the picture with these fields, and returns the image. */
export function upload(fields) {
  const form = new FormData();
  form.set("file", new Blob([picture]), "picture.jpg");
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return api("POST", "/v1", form);
}

/** Width and height of a JPEG, from its first frame header. */
export function jpegSize(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== 0xffd8) throw new Error("not a JPEG");
  for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    const frame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (frame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
  }
}

/** Fetches as a browser without AVIF and WebP would. */
export async function get(url) {
  const answer = await fetch(url, { headers: { accept: "image/jpeg" } });
  return { status: answer.status, headers: answer.headers, bytes: new Uint8Array(await answer.arrayBuffer()) };
}

/** Ends the script unless the URL gives a JPEG of this size. */
export async function pictureAt(what, url, width, height) {
  const { status, bytes } = await get(url);
  const text = status === 200 ? "" : new TextDecoder().decode(bytes);
  same(`${what}: ${new URL(url).pathname}`, [status, text], [200, ""]);
  same(`${what}: size`, jpegSize(bytes), [width, height]);
}

/** Ends the script unless the URL is refused with this status and `ERROR code`. */
export async function refusedAt(what, url, status, code) {
  const seen = await get(url);
  const text = new TextDecoder().decode(seen.bytes);
  same(`${what}: ${status}, ERROR ${code}`, [seen.status, text.slice(0, 11)], [status, `ERROR ${code}:`]);
}
