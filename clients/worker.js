// A Cloudflare Worker that answers GET /<delivery URL> with that URL signed for a day. It does what the
// Worker of Cloudflare's page "Serve private images" does, in our own words.

const DAY = 24 * 60 * 60;

/** Signs `url` (a URL) with the text of a signing key, and returns it with `exp` and `sig` set. */
export async function generateSignedUrl(url, signingKey) {
  const bytes = (text) => new TextEncoder().encode(text);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes(signingKey), algorithm, false, ["sign"]);
  url.searchParams.set("exp", String(Math.floor(Date.now() / 1000) + DAY));
  const mac = await crypto.subtle.sign("HMAC", key, bytes(`${url.pathname}?${url.searchParams}`));
  const digits = Array.from(new Uint8Array(mac), (byte) => byte.toString(16).padStart(2, "0"));
  url.searchParams.set("sig", digits.join(""));
  return url;
}

export default {
  async fetch(request, env) {
    // A proxy in between may have merged the slashes of the URL in the path.
    const text = new URL(request.url).pathname.slice(1).replace(/^(https?):\/+/, "$1://");
    return new Response(await generateSignedUrl(new URL(text), env.IMAGES_SIGNING_KEY));
  },
};
