// What every script of the dashboard needs: a browser that is logged in, screenshots, and axe.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";
import { origin, same, token } from "./check.mjs";

/** Where the dashboard is: it may have a listener of its own. */
export const dashboard = `${process.env.SAFELIGHT_DASHBOARD ?? origin}/dashboard/`;

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1440, height: 900 };
const SCHEMES = ["light", "dark"];
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A path of the account's own API. */
export async function own(method, rest, body) {
  const answer = await fetch(`${origin}/safelight/v1/accounts/${process.env.SAFELIGHT_ACCOUNT}${rest}`, {
    method,
    body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  const envelope = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${rest}: ${JSON.stringify(envelope)}`);
  return envelope.result;
}

/**
 * Opens the dashboard in a browser of its own, logs in with the token through the login page, and goes to
 * `path`, such as `#/keys`. `errors` fills with what the browser complains of, refusals by the Content
 * Security Policy among it.
 */
export async function openDashboard({ width = DESKTOP.width, height = DESKTOP.height, scheme = "light", path: place = "" } = {}) {
  const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  // Chromium's own walls need what root and containers do not give; the page is ours.
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: "reduce", acceptDownloads: true });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(dashboard).origin });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.goto(dashboard);
    await logIn(page);
    const errors = [];
    collect(page, errors);
    if (place) await goTo(page, place);
    return { browser, page, errors, close: () => browser.close() };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

/** Logs in; the page must show the login, or soon do so. */
export async function logIn(page) {
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("navigation", { name: "Pages" }).waitFor({ state: "attached" });
}

/** Goes to a page of the dashboard, such as `#/keys`, and waits until it is there. */
export async function goTo(page, place) {
  await page.evaluate((hash) => {
    document.querySelector("main")?.setAttribute("data-before", "");
    location.hash = hash;
  }, place);
  await settled(page);
}

/** Waits until nothing loads any more. */
export async function settled(page) {
  await page.waitForTimeout(50);
  await page.waitForFunction(() => document.querySelector("main h1") && !document.querySelector("[aria-busy=true]"));
}

/** A refused request is shown by the page, and is no mistake of it, though the browser writes it down. */
const OF_REQUESTS = /^Failed to load resource: the server responded with a status of/;

function collect(page, errors) {
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type()) || OF_REQUESTS.test(message.text())) return;
    errors.push(message.text());
  });
}

/** Screenshots of the page on a phone and a desktop, light and dark, in the folder SAFELIGHT_SCREENSHOTS if that is set. */
export async function look(page, name) {
  const folder = process.env.SAFELIGHT_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  const before = page.viewportSize();
  // What sticks to the window would otherwise lie across the middle of the page.
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
  for (const [device, size] of [["phone", PHONE], ["desktop", DESKTOP]]) {
    await page.setViewportSize(size);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      // A dialog belongs to what is seen, not to the whole page.
      const fullPage = (await page.locator("dialog[open]").count()) === 0;
      await page.screenshot({ path: path.join(folder, `${name}-${device}-${colorScheme}.png`), fullPage, animations: "disabled" });
    }
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
}

/** Ends the script if axe finds something serious or critical, in light or dark. */
export async function axe(page, name) {
  // By the debugger, since no script from elsewhere may run in the page, and its policy stays in force.
  const debug = await page.context().newCDPSession(page);
  if (!(await page.evaluate(() => "axe" in window))) await debug.send("Runtime.evaluate", { expression: axeSource });
  await debug.detach();
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    const found = await page.evaluate(async () => {
      const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
    });
    same(`axe: ${name}, ${colorScheme}`, found, []);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** Ends the script if the page is wider than the window, at the width of a small phone. */
export async function fits(page, name) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  // The window may tell the page of its size a moment later.
  await page.waitForFunction(() => innerWidth === 360);
  const beyond = await page.evaluate(() => {
    const limit = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= limit) return [];
    const elements = [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > limit);
    return [`${document.documentElement.scrollWidth} pixels`, ...elements.map(({ outerHTML }) => outerHTML.slice(0, 100))];
  });
  same(`${name} fits 360 pixels`, beyond, []);
  await page.setViewportSize(before);
}
