// Hosted images in the dashboard: uploads in every way, search, selection, export; imports; and the session.

import { readFileSync } from "node:fs";
import { api, done, holds, origin, picture, same, token } from "./check.mjs";
import { axe, dashboard, fits, goTo, look, openDashboard, own, settled } from "./dashboard.mjs";

const HOSTILE = "<script>alert(1)</script>\u202Egpj.jpg";
const file = (name, buffer = picture) => ({ name, mimeType: "image/jpeg", buffer });
const tiles = (page) => page.locator("ul.images > .tile");
const panel = (page) => page.getByRole("region", { name: "Uploads" });
const names = (page) => tiles(page).locator(".tile-name").allInnerTexts();

async function all() {
  return (await own("GET", "/images?per_page=100")).images;
}

async function shown(page, count) {
  await page.waitForFunction((count) => !document.querySelector("ul.images[aria-busy]") && document.querySelectorAll("ul.images > .tile").length === count, count);
}

async function byDialog(page) {
  await page.getByRole("button", { name: "Upload" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Upload" }).click();
  holds("nothing to upload is said", (await dialog.innerText()).includes("Choose files, or enter an address"));
  await dialog.getByLabel("Files").setInputFiles([file("garden.jpg"), file(HOSTILE), file("broken.jpg", Buffer.from("no picture"))]);
  await dialog.getByText("ID, creator, metadata").click();
  await dialog.getByLabel("Creator").fill("alice");
  await dialog.getByLabel("Metadata").fill("{ wrong");
  await dialog.getByRole("button", { name: "Upload" }).click();
  holds("bad metadata is said before anything is sent", (await dialog.innerText()).includes("This is no JSON"));
  await dialog.getByLabel("Metadata").fill('{"order": 17, "kind": "garden"}');
  await look(page, "images-upload");
  await axe(page, "upload");
  await dialog.getByRole("button", { name: "Upload" }).click();
  await panel(page).getByText("2 uploads done, 1 failed").waitFor();
  holds("the server says why", (await panel(page).innerText()).includes("Uploaded image must have the content of"));
  await shown(page, 2);
  const stored = await all();
  same("they are private", stored.map((image) => image.requireSignedURLs), [true, true]);
  same("with creator and metadata", [stored[0].creator, stored[0].meta], ["alice", { order: 17, kind: "garden" }]);
  await look(page, "images-uploaded");
  await axe(page, "images with uploads");
  await panel(page).getByRole("button", { name: "Try again" }).click();
  await panel(page).getByText("2 uploads done, 1 failed").waitFor();
  await panel(page).getByRole("button", { name: "Close" }).click();
}

/** Gives files to the page as a drop or a paste would. */
function give(page, kind, name) {
  return page.evaluate(({ kind, name, bytes }) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
    const event = kind === "paste"
      ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
      : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
  }, { kind, name, bytes: [...picture] });
}

async function byHand(page) {
  await give(page, "drop", "dropped.jpg");
  await shown(page, 3);
  await give(page, "paste", "pasted.jpg");
  await shown(page, 4);
  same("dropped and pasted, the newest first", (await names(page)).slice(0, 2), ["pasted.jpg", "dropped.jpg"]);
  holds("both private", (await all()).every((image) => image.requireSignedURLs));
  await page.getByRole("button", { name: "Upload" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Or addresses").fill("http://127.0.0.1:1/inside.jpg");
  await dialog.getByRole("button", { name: "Upload" }).click();
  await panel(page).getByText(/1 failed/).waitFor();
  await panel(page).getByRole("button", { name: "Close" }).click();
  same("an address inside is refused", (await all()).length, 4);
}

async function cancelled(page) {
  // It is held before it is sent: what the server has read whole, no cancelling undoes.
  let hold = true;
  await page.route("**/images/v1", (route) => !(hold && route.request().method() === "POST") && route.continue());
  await give(page, "drop", "slow.jpg");
  await panel(page).getByRole("button", { name: /Cancel slow/ }).click();
  await panel(page).getByText("Cancelled").waitFor();
  hold = false;
  same("a cancelled upload stores nothing", (await all()).length, 4);
  await panel(page).getByRole("button", { name: "Try again" }).click();
  await shown(page, 5);
  await panel(page).getByRole("button", { name: "Close" }).click();
}

async function search(page, text, count) {
  await page.getByRole("searchbox").fill(text);
  await page.waitForFunction((text) => (text === "" ? !location.hash.includes("search=") : location.hash.includes("search=")), text);
  await shown(page, count);
}

async function searches(page) {
  await search(page, "GARDEN", 2);
  await search(page, "garden.jpg", 1);
  same("by file name", await names(page), ["garden.jpg"]);
  await search(page, "alice", 2);
  await search(page, "<script>", 1);
  await page.getByLabel("Search in").selectOption("metadata");
  await search(page, "order=17", 2);
  await search(page, "order>17", 0);
  holds("no match is said", (await page.locator("main").innerText()).includes("No image matches"));
  await look(page, "images-none");
  await search(page, "kind=garden", 2);
  holds("the search is in the address", page.url().includes("search=kind"));
  await tiles(page).first().getByRole("link").click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.goBack();
  await shown(page, 2);
  same("Back finds the search", await page.getByRole("searchbox").inputValue(), "kind=garden");
  await search(page, "", 5);
  await page.getByLabel("Sort").selectOption("filename:asc");
  await page.waitForFunction(() => location.hash.includes("filename"));
  await shown(page, 5);
  const sorted = await names(page);
  same("sorted by file name", sorted.slice(1), ["dropped.jpg", "garden.jpg", "pasted.jpg", "slow.jpg"]);
}

/** What an earlier list showed is never selected, or it would be deleted unseen. */
async function selectsWhatIsShown(page) {
  await page.getByLabel("Search in").selectOption("any");
  await search(page, "garden.jpg", 1);
  await page.getByRole("checkbox", { name: /^Select/ }).check();
  const bar = page.getByRole("group", { name: "Selected images" });
  await bar.getByRole("button", { name: "Select all shown" }).click();
  holds("of a search only what it found is selected", (await bar.innerText()).includes("1 image selected"));
  await search(page, "", 5);
  holds("another list has nothing selected", await bar.isHidden());
}

async function selection(page) {
  const boxes = page.getByRole("checkbox", { name: /^Select/ });
  await boxes.nth(1).check();
  await boxes.nth(3).click({ modifiers: ["Shift"] });
  const bar = page.getByRole("group", { name: "Selected images" });
  holds("a range is selected", (await bar.innerText()).includes("3 images selected"));
  await page.keyboard.press("Escape");
  holds("Escape clears it", await bar.isHidden());
  await boxes.nth(1).check();
  await boxes.nth(2).check();
  await look(page, "images-selected");
  await axe(page, "images selected");
  const [download] = await Promise.all([page.waitForEvent("download"), bar.getByRole("button", { name: "Export as zip" }).click()]);
  const archive = readFileSync(await download.path());
  holds("the archive has both originals", archive.subarray(0, 2).toString() === "PK" && archive.length > 2 * picture.length && archive.includes("manifest.json"));
  await bar.getByRole("button", { name: "Make public" }).click();
  holds("it is said what becomes visible", (await page.getByRole("dialog").innerText()).includes("visible to anyone"));
  await page.getByRole("dialog").getByRole("button", { name: "Make public" }).click();
  await bar.waitFor({ state: "hidden" });
  same("two are public", (await all()).filter((image) => !image.requireSignedURLs).length, 2);
  await page.getByLabel("Privacy").selectOption("false");
  await shown(page, 2);
  await boxes.nth(0).check();
  await bar.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  same("nothing is deleted by Cancel", (await all()).length, 5);
  await bar.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^Delete/ }).click();
  await shown(page, 1);
  same("one is deleted", (await all()).length, 4);
  await give(page, "drop", "private.jpg");
  await panel(page).getByText("1 upload done").waitFor();
  await panel(page).getByRole("button", { name: "Close" }).click();
  same("a private upload is not shown among public images", await tiles(page).count(), 1);
  await boxes.nth(0).check();
  await bar.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^Delete/ }).click();
  await page.locator("main").getByText("No image matches").waitFor();
  await page.getByLabel("Privacy").selectOption("");
  await shown(page, 4);
}

/** Who opens an image comes back to it, with the search and the keyboard where they were. */
async function placeIsKept(page) {
  await page.setViewportSize({ width: 390, height: 500 });
  await search(page, ".jpg", 4);
  await tiles(page).last().getByRole("link").click();
  await page.getByRole("link", { name: "Hosted images" }).last().waitFor();
  await settled(page);
  await page.locator("a.back").click();
  await shown(page, 4);
  await page.waitForFunction(() => document.activeElement.closest(".tile") === document.querySelector(".tile:last-child"));
  holds("the image that was opened is in view", await tiles(page).last().evaluate((tile) => tile.getBoundingClientRect().bottom <= innerHeight));
  same("the search is as it was", await page.getByRole("searchbox").inputValue(), ".jpg");
  await page.setViewportSize({ width: 1440, height: 900 });
  await search(page, "", 4);
}

/** An upload whose id is taken is not lost: it gets another. */
async function taken(page) {
  const form = new FormData();
  form.set("file", new Blob([picture]), "first.jpg");
  form.set("id", "shelf/1");
  await api("POST", "/v1", form);
  await page.getByRole("button", { name: "Upload" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Files").setInputFiles([file("second.jpg")]);
  await give(page, "drop", "third.jpg");
  same("what is dropped goes into the open dialog", await dialog.getByLabel("Files").evaluate((input) => [...input.files].map(({ name }) => name)), ["second.jpg", "third.jpg"]);
  await dialog.getByLabel("Files").setInputFiles([file("second.jpg")]);
  await dialog.getByText("ID, creator, metadata").click();
  await dialog.getByLabel("Custom ID").fill("shelf/1");
  await dialog.getByRole("button", { name: "Upload" }).click();
  await panel(page).getByRole("button", { name: "Change" }).click();
  same("what was entered is still there", await dialog.getByLabel("Custom ID").inputValue(), "shelf/1");
  await look(page, "images-change");
  await dialog.getByLabel("Custom ID").fill("shelf/2");
  await dialog.getByRole("button", { name: "Upload" }).click();
  await panel(page).getByText("1 upload done").waitFor();
  same("it has the other id", (await api("GET", "/v1/shelf%2F2")).filename, "second.jpg");
  await panel(page).getByRole("button", { name: "Close" }).click();
  await panel(page).waitFor({ state: "hidden" });
  for (const id of ["shelf%2F1", "shelf%2F2"]) await api("DELETE", `/v1/${id}`);
}

/** Uploads stop when the session ends, and can go on after the next login. */
async function uploadsOfAnEndedSession(page) {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.route("**/images/v1", (route) => (route.request().method() === "POST" ? route.fulfill({ status: 401, json: { success: false, errors: [{ code: 10000, message: "Authentication error" }], messages: [], result: null } }) : route.continue()));
  await page.evaluate((bytes) => {
    const data = new DataTransfer();
    for (let index = 0; index < 20; index += 1) data.items.add(new File([new Uint8Array(bytes)], `many-${index}.jpg`, { type: "image/jpeg" }));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }, [...picture]);
  // The cookie is still good here, so the page comes back by itself.
  await panel(page).getByText(/20 failed/).waitFor();
  await page.unroute("**/images/v1");
  await settled(page);
  await panel(page).getByRole("button", { name: "Try all again" }).click();
  await panel(page).getByText("20 uploads done").waitFor();
  same("all are stored", (await all()).filter(({ filename }) => filename?.startsWith("many-")).length, 20);
  await look(page, "images-many");
}

async function hostileIds(page) {
  const form = new FormData();
  form.set("file", new Blob([picture]), HOSTILE);
  form.set("id", `users/<img src=x onerror=alert(1)>/${"ü".repeat(980)}`);
  form.set("metadata", JSON.stringify({ "<b>": "<script>alert(2)</script>\u202E" }));
  await api("POST", "/v1", form);
  await page.reload();
  await shown(page, 5);
  await page.getByRole("button", { name: "Show as a list" }).click();
  await fits(page, "images as a list");
  await look(page, "images-list");
  await axe(page, "images as a list");
  await page.getByRole("button", { name: "Show as a grid" }).click();
  await fits(page, "images as a grid");
  await look(page, "images-grid");
  same("no script ran", await page.evaluate(() => document.querySelectorAll("script").length), 1);
}

async function imports(page) {
  await goTo(page, "#/import");
  await look(page, "import-empty");
  const addresses = page.getByRole("textbox", { name: "Addresses" });
  await addresses.fill("http://127.0.0.1:1/good.jpg\n\nno address");
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText(/^Line 3: /).waitFor();
  holds("a refused list is not lost", (await addresses.inputValue()).includes("good.jpg"));
  await addresses.fill("http://127.0.0.1:1/<script>.jpg\nfolder/1, http://127.0.0.1:1/other.jpg");
  const [request] = await Promise.all([page.waitForRequest("**/imports"), page.getByRole("button", { name: "Import", exact: true }).click()]);
  holds("images come as private ones unless someone says otherwise", request.postDataJSON().requireSignedURLs);
  const list = page.getByRole("region", { name: "Imports", exact: true });
  await list.getByText("Done").waitFor({ timeout: 30_000 });
  await list.getByText("Failures: 2").click();
  holds("what failed and why", (await list.innerText()).includes("127.0.0.1:1"));
  await look(page, "import");
  await axe(page, "import");
  await fits(page, "import");
  await page.getByRole("tab", { name: "Cloudflare Images" }).click();
  await page.getByRole("button", { name: "Import", exact: true }).click();
  holds("what is missing is said", (await page.locator("main").innerText()).includes("This is needed"));
  await list.getByRole("button", { name: "Remove" }).click();
  await list.getByText("Nothing was imported yet").waitFor();
}

async function session(page) {
  await goTo(page, "#/images");
  await page.reload();
  await settled(page);
  holds("a reload stays logged in", await page.getByRole("button", { name: "Log out" }).isVisible());
  const cookie = (await page.context().cookies()).find(({ name }) => name === "safelight_session");
  same("the cookie is for this site and no script", [cookie.httpOnly, cookie.sameSite], [true, "Strict"]);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("API token").waitFor();
  same("the session is gone", await page.evaluate(() => fetch("/safelight/v1/session").then((answer) => answer.status)), 401);
  await page.getByLabel("API token").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText(/Authentication error/).waitFor();
  await look(page, "login");
  await axe(page, "login");
  await fits(page, "login");
  await early(page);
}

/** Goes to a page by its address before the login is done with. */
async function early(page) {
  await page.reload();
  await page.route("**/safelight/v1/session", (route) => setTimeout(() => route.continue(), route.request().method() === "GET" ? 500 : 0));
  const opened = page.waitForResponse((answer) => answer.url().endsWith("/session") && answer.request().method() === "POST");
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await opened;
  await page.evaluate(() => {
    location.hash = "#/keys";
  });
  await page.getByRole("heading", { name: "Keys", level: 1 }).waitFor();
  await page.unroute("**/safelight/v1/session");
}

async function keyboard(page) {
  await goTo(page, "#/images");
  await page.keyboard.press("/");
  same("a slash leads to the search", await page.evaluate(() => document.activeElement.type), "search");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("button", { name: "Menu" }).focus();
  await page.keyboard.press("Enter");
  same("the menu takes the focus", await page.evaluate(() => document.activeElement.innerText.trim()), "Overview");
  await look(page, "menu");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.keyboard.press("Escape");
  same("and gives it back", await page.evaluate(() => document.activeElement.innerText.trim()), "Menu");
}

holds("the dashboard is of the program", dashboard.startsWith(origin) && token.length > 0);
const { page, errors, close } = await openDashboard({ path: "#/images" });
try {
  await page.getByText("No images yet").waitFor();
  await look(page, "images-empty");
  await axe(page, "no images");
  await byDialog(page);
  await byHand(page);
  await cancelled(page);
  await searches(page);
  await selectsWhatIsShown(page);
  await selection(page);
  await placeIsKept(page);
  await taken(page);
  await hostileIds(page);
  await imports(page);
  await session(page);
  await keyboard(page);
  await uploadsOfAnEndedSession(page);
  same("no error in the page", errors, []);
} finally {
  await close();
}
done();
