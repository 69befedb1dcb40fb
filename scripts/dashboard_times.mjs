// The page of images in Chromium, timed. scripts/bench-dashboard runs it.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";

const { SAFELIGHT_ORIGIN: origin, SAFELIGHT_TOKEN: token, SAFELIGHT_CLIENTS: clients } = process.env;
const { chromium } = createRequire(`${clients}/package.json`)("playwright-core");

const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();

/** Milliseconds from `act` until so many thumbnails in view are painted. */
async function timed(what, act, least = 20) {
  const began = Date.now();
  await act();
  await page.waitForFunction((least) => {
    if (document.querySelector("main [aria-busy='true'], main[aria-busy='true']")) return false;
    return [...document.querySelectorAll("main img")].filter((image) => image.complete && image.naturalWidth > 0).length >= least;
  }, least, { polling: 10, timeout: 60_000 });
  console.log(`${what.padEnd(60)}${String(Date.now() - began).padStart(8)} ms`);
}

async function search(text) {
  const answered = page.waitForResponse((answer) => answer.url().includes("/images?") && answer.url().includes("search="));
  const began = Date.now();
  await page.getByRole("searchbox").fill(text);
  const answer = await answered;
  await page.waitForFunction(() => !document.querySelector("main [aria-busy='true']"));
  const { images } = (await answer.json()).result;
  console.log(`${`search "${text}": ${images.length} images, typing pause included`.padEnd(60)}${String(Date.now() - began).padStart(8)} ms`);
}

try {
  await page.goto(`${origin}/dashboard/`);
  await page.getByLabel("API token").fill(token);
  console.log("");
  await timed("log in, to 20 thumbnails (their first rendering)", () => page.getByRole("button", { name: "Log in" }).click());
  await timed("reload, to 20 thumbnails (stored)", () => page.reload());
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  console.log(`${"first paint of that".padEnd(60)}${String(Math.round(paint)).padStart(8)} ms`);
  for (const text of ["needle", "invoice", "customer-31", "no such image"]) await search(text);
  await page.getByRole("searchbox").fill("");
  await page.waitForTimeout(1500);
  for (let step = 0; step < 40; step += 1) {
    await page.mouse.wheel(0, 6000);
    await page.waitForTimeout(250);
  }
  const after = await page.evaluate(() => ({
    images: document.querySelectorAll("main img").length,
    elements: document.querySelectorAll("*").length,
    heap: Math.round((performance.memory?.usedJSHeapSize ?? 0) / 1e6),
  }));
  console.log(`after scrolling 240,000 pixels: ${after.images} pictures and ${after.elements} elements in the page, ${after.heap} MB of heap`);
} finally {
  await browser.close();
}
