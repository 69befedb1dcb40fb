// Overview in the dashboard: the first steps, then what deliveries were counted, with the pointer, the keyboard
// and as a table.

import { createHmac } from "node:crypto";
import { done, get, holds, key, same, upload } from "./check.mjs";
import { axe, fits, goTo, look, openDashboard, own } from "./dashboard.mjs";

const card = (page, label) => page.locator(".card").filter({ hasText: label }).locator("strong");

async function empty(page) {
  await page.getByRole("heading", { name: "First steps" }).waitFor();
  same("no images", await card(page, "Images stored").innerText(), "0");
  await look(page, "overview-empty");
  await axe(page, "overview of an empty account");
}

async function deliver() {
  const image = await upload({ requireSignedURLs: "true" });
  const url = new URL(image.variants[0]);
  const sig = (text) => createHmac("sha256", key).update(text).digest("hex");
  const good = `${url}?sig=${sig(url.pathname)}`;
  same("signed", [(await get(good)).status, (await get(good)).status], [200, 200]);
  same("no token", (await get(url)).status, 403);
  same("bad signature", (await get(`${url}?sig=${"0".repeat(64)}`)).status, 403);
  const late = `${url.pathname}?exp=1000`;
  same("expired", (await get(`${url.origin}${late}&sig=${sig(late)}`)).status, 403);
}

async function plots(page) {
  await page.getByRole("button", { name: "Refresh" }).click();
  const requests = page.locator(".card").filter({ has: page.getByText("Requests", { exact: true }) });
  await requests.filter({ has: page.getByText("5", { exact: true }) }).waitFor();
  same("cards", [await card(page, "Images stored").innerText(), await card(page, "Refused").innerText()], ["1", "3"]);
  const { series } = await own("GET", "/usage");
  same("as the API has it", series.requests.reduce((sum, value) => sum + value, 0), 5);
  const legend = (await page.getByRole("figure", { name: "Refused requests by reason" }).getByRole("listitem").allInnerTexts()).map((text) => text.replace(/\s+/g, " ").trim());
  same("refused by reason", legend, ["No token 1", "Expired 1", "Bad signature 1", "Malformed 0", "Other 0"]);
  holds("the first steps are gone", await page.getByRole("heading", { name: "First steps" }).isHidden());
}

async function readOut(page) {
  const figure = page.getByRole("figure", { name: "Requests", exact: true });
  const slider = figure.getByRole("slider");
  await slider.focus();
  await page.keyboard.press("End");
  const text = await slider.getAttribute("aria-valuetext");
  holds(`the newest point by keyboard: ${text}`, /so far: Requests [0-9]+, From stored renditions [0-9]+/.test(text));
  await page.keyboard.press("ArrowLeft");
  holds("the one before is another", (await slider.getAttribute("aria-valuetext")) !== text);
  await page.keyboard.press("Escape");
  same("Escape lets go", await slider.getAttribute("aria-valuetext"), "No point chosen");
  const box = await slider.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 50);
  holds("the pointer chooses", (await figure.locator(".plot-time").innerText()).trim() !== "");
  await look(page, "overview");
  await page.mouse.move(0, 0);
  await figure.getByText("Show as table").click();
  // The heading, and a row for each of 288 points.
  await figure.getByRole("row").nth(288).waitFor();
  same("a table of all points", await figure.getByRole("row").count(), 289);
  await axe(page, "overview");
  await figure.getByText("Show as table").click();
  await fits(page, "overview");
}

async function ranges(page) {
  for (const [label, name, points] of [["6 hours", "6h", 72], ["Week", "week", 168], ["Month", "month", 720], ["Year", "year", 365]]) {
    await page.getByText(label, { exact: true }).click();
    const slider = page.getByRole("figure", { name: "Latency" }).getByRole("slider");
    await page.waitForFunction((most) => document.querySelector(".plot-area").getAttribute("aria-valuemax") === String(most), points - 1);
    same(`${label}: its points`, await slider.getAttribute("aria-valuemax"), String(points - 1));
    holds(`${label}: in the address`, page.url().endsWith(`?range=${name}`));
  }
  await goTo(page, "#/tokens");
  await page.goBack();
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  holds("Back finds the range", await page.getByRole("radio", { name: "Year" }).isChecked());
}

const { page, errors, close } = await openDashboard({ path: "#/overview" });
try {
  same("health", await page.locator(".health .badge").allInnerTexts(), ["Works", "Works", "Works"]);
  await empty(page);
  await deliver();
  await plots(page);
  await readOut(page);
  await ranges(page);
  same("no error in the page", errors, []);
} finally {
  await close();
}
done();
