// Keys in the dashboard: shown when asked, made, rotated with an overlap, and deleted by those who mean it.

import { api, done, get, holds, key, same, upload } from "./check.mjs";
import { createHmac } from "node:crypto";
import { axe, fits, look, openDashboard, own, settled } from "./dashboard.mjs";

const names = async () => (await api("GET", "/v1/keys")).keys.map(({ name }) => name);
const valueOf = async (name) => (await api("GET", "/v1/keys")).keys.find((one) => one.name === name).value;
const rowOf = (page, name) => page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: new RegExp(`^${name}( |$)`) }) });

async function signed(url, value) {
  const { origin, pathname } = new URL(url);
  return get(`${origin}${pathname}?sig=${createHmac("sha256", value).update(pathname).digest("hex")}`);
}

async function values(page) {
  const main = page.locator("main");
  const row = rowOf(page, "default");
  holds("the value is hidden", !(await main.innerText()).includes(key));
  await row.getByRole("button", { name: "Show the key default" }).click();
  await page.getByText(key).waitFor();
  await row.getByRole("button", { name: "Hide the key default" }).click();
  holds("and hidden again", !(await main.innerText()).includes(key));
  await row.getByRole("button", { name: "Copy the key default" }).click();
  await page.waitForFunction((value) => navigator.clipboard.readText().then((text) => text === value), key);
  holds("copying does not show it", !(await main.innerText()).includes(key));
}

async function create(page) {
  await page.getByRole("button", { name: "Create key" }).click();
  const dialog = page.getByRole("dialog", { name: "Create a key" });
  await dialog.getByLabel("Name").fill("not good");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByText("It must have 1 to 20 letters and digits.").waitFor();
  same("what was typed stays", await dialog.getByLabel("Name").inputValue(), "not good");
  await axe(page, "the dialog of a new key");
  await dialog.getByLabel("Name").fill("reports");
  await page.keyboard.press("Enter");
  await rowOf(page, "reports").waitFor();
  same("made", await names(), ["default", "reports"]);
}

async function rotate(page, url) {
  await rowOf(page, "default").getByRole("button", { name: "Rotate default" }).click();
  const dialog = page.getByRole("dialog", { name: "Rotate default" });
  same("a name is suggested", await dialog.getByLabel("Name").inputValue(), "default2");
  await dialog.getByRole("button", { name: "Make the new key" }).click();
  await page.getByText("default2 replaces default since").waitFor();
  await page.getByText(/Both are accepted\. default was used [0-9]+ times? in the last day/).waitFor();
  same("both rows say so", await page.getByText(/^(replaced by default2|replaces default)$/).allInnerTexts(), ["replaced by default2", "replaces default"]);
  same("the API has it", (await own("GET", "/keys")).keys.find(({ name }) => name === "default2").replaces, "default");
  same("the old one is accepted", (await signed(url, key)).status, 200);
  same("and the new one", (await signed(url, await valueOf("default2"))).status, 200);
  await look(page, "keys-rotation");
  await axe(page, "keys");
  await fits(page, "keys");
}

async function remove(page, url) {
  await page.getByRole("button", { name: "Delete default", exact: true }).first().click();
  const dialog = page.getByRole("dialog", { name: "Delete default?" });
  await dialog.getByText(/[0-9]+ requests? used it in the last day\. Every link/).waitFor();
  await look(page, "keys-delete");
  await dialog.getByLabel("Enter default to delete it").fill("defaul");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await dialog.getByText("This is not default.").waitFor();
  await page.keyboard.press("Escape");
  same("nothing is deleted by Escape", (await names()).includes("default"), true);
  await page.getByRole("button", { name: "Delete default", exact: true }).first().click();
  await dialog.getByLabel("Enter default to delete it").fill("default");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await rowOf(page, "default2").waitFor();
  await page.getByText("default is deleted.").waitFor();
  await settled(page);
  same("deleted", await names(), ["default2", "reports"]);
  same("its links stop", (await signed(url, key)).status, 403);
  same("the others do not", (await signed(url, await valueOf("default2"))).status, 200);
}

async function last(page) {
  await page.getByRole("button", { name: "Delete reports" }).click();
  await page.getByRole("dialog").getByText("Nothing used it in the last day.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("reports is deleted.").waitFor();
  await settled(page);
  await page.getByRole("button", { name: "Delete default2" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("a new one named default is made in its place").waitFor();
  await dialog.getByLabel("Enter default2 to delete it").fill("default2");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await rowOf(page, "default").waitFor();
  same("a new default", await names(), ["default"]);
  holds("of another value", (await valueOf("default")) !== key);
}

const image = await upload({ requireSignedURLs: "true" });
const url = image.variants[0];
same("a link of the first key", (await signed(url, key)).status, 200);
const { page, errors, close } = await openDashboard({ path: "#/keys" });
try {
  await values(page);
  await create(page);
  await rotate(page, url);
  await remove(page, url);
  await last(page);
  same("no error in the page", errors, []);
} finally {
  await close();
}
done();
