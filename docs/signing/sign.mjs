import { createHmac } from "node:crypto";

/** Signs a percent-encoded path; `expires` is in Unix seconds, and without it the link never expires. */
export function sign(path, key, expires) {
  const text = expires === undefined ? path : `${path}?exp=${expires}`;
  const sig = createHmac("sha256", key).update(text).digest("hex");
  return `${text}${expires === undefined ? "?" : "&"}sig=${sig}`;
}

const [path, expires] = process.argv.slice(2);
console.log(sign(path, process.env.SIGNING_KEY, expires));
