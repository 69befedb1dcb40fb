// Chromium on a page of another origin uploads by one-time links: with a plain form, with fetch, and with
// Uppy, which sends a preflight first.

import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { api, done, holds, origin, picture, same } from "./check.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const FILE = { name: "holiday.jpg", mimeType: "image/jpeg", buffer: picture };

async function shop() {
  const entryPoints = [path.join(here, "upload_page.js")];
  const bundle = await build({ entryPoints, bundle: true, write: false, format: "iife", logLevel: "warning" });
  const page = readFileSync(path.join(here, "upload_page.html"));
  const server = createServer(async (request, response) => {
    if (request.url === "/link" && request.method === "POST") {
      const form = new FormData();
      form.set("requireSignedURLs", "true");
      const link = await api("POST", "/v2/direct_upload", form);
      response.setHeader("content-type", "application/json").end(JSON.stringify(link));
    } else if (request.url === "/upload_page.js") {
      response.setHeader("content-type", "text/javascript").end(bundle.outputFiles[0].text);
    } else {
      response.setHeader("content-type", "text/html").end(page);
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

async function stored(what, id) {
  const image = await api("GET", `/v1/${id}`);
  same(`${what}: stored, and no draft`, [image.filename, "draft" in image], ["holiday.jpg", false]);
  same(`${what}: private`, (await fetch(image.variants[0])).status, 403);
}

async function result(page, id) {
  await page.locator(`#${id}`).setInputFiles(FILE);
  await page.waitForFunction((id) => window.results[id], id);
  return page.evaluate((id) => window.results[id], id);
}

async function byFetch(page) {
  const { id, first, second } = await result(page, "by-fetch");
  same("fetch: uploaded", [first.status, JSON.parse(first.text).result.id], [200, id]);
  same("fetch: the refusal of a second time can be read", second.status, 409);
  holds("fetch: as plain text", second.text.startsWith("ERROR "));
  await stored("fetch", id);
}

async function byUppy(page) {
  const seen = await result(page, "by-uppy");
  same("Uppy: nothing failed", seen.failed, []);
  same("Uppy: uploaded", [seen.body.success, seen.body.result.id], [true, seen.id]);
  holds("Uppy: with progress, so after a preflight", seen.progress > 0);
  await stored("Uppy", seen.id);
}

async function byForm(page) {
  const form = page.locator("#plain");
  await page.waitForFunction(() => document.getElementById("plain").dataset.id);
  const id = await form.getAttribute("data-id");
  await form.locator("input").setInputFiles(FILE);
  const [answer] = await Promise.all([page.waitForNavigation(), form.locator("button").click()]);
  holds("form: the browser went to the link", answer.url().startsWith(origin));
  same("form: uploaded", [answer.status(), (await answer.json()).result.id], [200, id]);
  await stored("form", id);
}

const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
const server = await shop();
// Chromium's own walls need what root and containers do not give; the page is ours.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  holds("the page is of another origin", new URL(page.url()).origin !== origin);
  await byFetch(page);
  await byUppy(page);
  await byForm(page);
  same("no error in the page", problems, []);
} finally {
  await browser.close();
  server.close();
}
done();
