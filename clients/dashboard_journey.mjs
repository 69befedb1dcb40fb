// The journey of Cloudflare's page "Serve private images" in Safelight's dashboard: open it, log in, Hosted
// images, Keys, copy a key; sign with openssl in a shell; open the link. Then what the first view weighs.

import { execFileSync } from "node:child_process";
import { get, done, holds, origin, same, upload } from "./check.mjs";
import { openDashboard, axe } from "./dashboard.mjs";

/** The most that the first view may weigh, compressed, headers included. */
const FIRST_VIEW_BYTES = 100_000;

async function copiedKey(page) {
  await page.getByRole("link", { name: "Hosted images" }).click();
  await page.getByRole("heading", { name: "Hosted images", level: 1 }).waitFor();
  await page.getByRole("link", { name: "Keys" }).click();
  await page.getByRole("heading", { name: "Keys", level: 1 }).waitFor();
  const row = page.getByRole("row").filter({ hasText: "default" });
  await row.getByRole("button", { name: /Copy/ }).click();
  await page.waitForFunction(() => navigator.clipboard.readText().then((text) => text.length > 0));
  holds("the value is not shown by copying it", !(await page.locator("main").innerText()).includes(process.env.SAFELIGHT_KEY));
  return page.evaluate(() => navigator.clipboard.readText());
}

function signedInAShell(path, key, expires) {
  const script = 'printf %s "$1" | openssl dgst -sha256 -hmac "$2" -r | cut -d " " -f 1';
  const text = `${path}?exp=${expires}`;
  const sig = execFileSync("sh", ["-c", script, "sh", text, key], { encoding: "utf8" }).trim();
  return `${text}&sig=${sig}`;
}

async function journey() {
  const image = await upload({ requireSignedURLs: "true", id: "invoices/2026/journey.jpg" });
  const url = new URL(image.variants[0]);
  same("unsigned: refused", (await get(url)).status, 403);
  const { page, errors, close } = await openDashboard({ path: "" });
  try {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin });
    const key = await copiedKey(page);
    same("the copied key is the account's", key, process.env.SAFELIGHT_KEY);
    const link = `${url.origin}${signedInAShell(url.pathname, key, Math.floor(Date.now() / 1000) + 600)}`;
    const opened = await page.context().newPage();
    const answer = await opened.goto(link);
    same("the signed link opens in the browser", answer.status(), 200);
    holds("as a picture", await opened.evaluate(() => document.images[0].naturalWidth > 0));
    const changed = link.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
    same("another signature does not", (await get(changed)).status, 403);
    await opened.close();
    await axe(page, "journey");
    same("no error in the page", errors, []);
  } finally {
    await close();
  }
}

async function firstView() {
  const { page, close } = await openDashboard({ path: "" });
  try {
    const client = await page.context().newCDPSession(page);
    await client.send("Network.enable");
    await client.send("Network.setCacheDisabled", { cacheDisabled: true });
    const seen = new Map();
    client.on("Network.responseReceived", ({ requestId, response }) => seen.set(requestId, { url: response.url, bytes: 0 }));
    client.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      if (seen.has(requestId)) seen.get(requestId).bytes = encodedDataLength;
    });
    await page.goto(`${origin}/dashboard/`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForLoadState("networkidle");
    const own = [...seen.values()].filter(({ url }) => url.includes("/dashboard/"));
    const weight = own.reduce((sum, { bytes }) => sum + bytes, 0);
    console.log(`first view: ${weight} bytes in ${own.length} files`);
    for (const { url, bytes } of own.sort((a, b) => b.bytes - a.bytes)) console.log(`  ${bytes}\t${new URL(url).pathname}`);
    const timing = await page.evaluate(() => {
      const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null;
      return { paint, loaded: performance.getEntriesByType("navigation")[0].loadEventEnd };
    });
    console.log(`first view: first paint after ${timing.paint} ms, loaded after ${timing.loaded} ms`);
    holds("files of the first view were seen", own.length > 3 && own.every(({ bytes }) => bytes > 0));
    holds(`the first view weighs under ${FIRST_VIEW_BYTES} bytes`, weight < FIRST_VIEW_BYTES);
  } finally {
    await close();
  }
}

await journey();
await firstView();
done();
