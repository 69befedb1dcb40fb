// Delivery in the dashboard: variants with a live preview, access, browser TTL, the account's settings, domains,
// and the origins of remote images.

import { api, done, holds, origin, picture, pictureAt, same, token, upload } from "./check.mjs";
import { axe, fits, goTo, look, openDashboard, own, settled } from "./dashboard.mjs";

const variants = async () => (await api("GET", "/v1/variants")).variants;
const rowOf = (page, name) => page.getByRole("row").filter({ has: page.getByRole("rowheader", { name }) });
const result = (page) => page.getByRole("figure").filter({ hasText: "With these options" });

async function shows(page, text) {
  await result(page).getByText(text).waitFor();
}

async function create(page, image) {
  await page.getByRole("link", { name: "New variant" }).click();
  await page.getByRole("heading", { name: "New variant", level: 1 }).waitFor();
  await shows(page, "800 × 534");
  await page.getByLabel("Name", { exact: true }).fill("square");
  await page.getByLabel("Width").fill("120");
  await page.getByLabel("Height").fill("120");
  await page.getByLabel("Fit").selectOption("cover");
  await shows(page, "120 × 120");
  await page.getByLabel("Format", { exact: true }).selectOption("png");
  await shows(page, "PNG");
  await page.getByLabel("Browser TTL").selectOption("3600");
  await look(page, "delivery-editor");
  await axe(page, "the editor");
  await fits(page, "the editor");
  await page.getByRole("button", { name: "Create variant" }).click();
  await rowOf(page, "square").waitFor();
  const { options, neverRequireSignedURLs } = (await variants()).square;
  same("stored", [options.width, options.height, options.fit, options.browser_ttl, neverRequireSignedURLs], [120, 120, "cover", 3600, false]);
  const url = image.variants[0].replace(/[^/]*$/, "square");
  same("private", (await fetch(url)).status, 403);
  return url;
}

async function change(page, url) {
  await rowOf(page, "square").getByRole("link", { name: "Edit square" }).click();
  await page.getByRole("heading", { name: "Variant square" }).waitFor();
  const others = page.getByLabel("All other options");
  await others.fill("w=90,brightness=1.5,trim=1;2;3;4");
  await others.blur();
  same("what has a field goes there", [await page.getByLabel("Width").inputValue(), await others.inputValue()], ["90", "brightness=1.5,trim=1;2;3;4"]);
  await shows(page, "90 × 120");
  await others.fill("brightness=much");
  await result(page).getByRole("alert").waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("form").or(page.locator("form.form")).getByText(/brightness/).first().waitFor();
  same("what was typed stays", await others.inputValue(), "brightness=much");
  await look(page, "delivery-refused");
  await others.fill("brightness=1.5");
  await page.getByLabel("Always allow public access").check();
  await page.getByText("no signature is asked for").waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await rowOf(page, "square").getByText("Always public").waitFor();
  same("stored", (await variants()).square.options.brightness, 1.5);
  await pictureAt("public now", url, 90, 120);
}

async function otherPicture(page) {
  const form = new FormData();
  form.set("file", new Blob([picture]), `<script>alert(1)</script>\u202Egpj.jpg`);
  form.set("id", `x/${"long/".repeat(200)}<script>\u202Egpj`);
  const { id } = await api("POST", "/v1", form);
  await goTo(page, "#/delivery?edit=public");
  await page.getByLabel("Another image, by its ID").fill("there is none");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByText("Image not found").waitFor();
  await page.getByLabel("Another image, by its ID").fill(id);
  await page.keyboard.press("Enter");
  await page.getByRole("figure").filter({ hasText: "Original" }).getByText("<script>").waitFor();
  await shows(page, "1,152 × 768");
  await look(page, "delivery-hostile");
  await axe(page, "the editor with a hostile picture");
  await fits(page, "the editor with a hostile picture");
}

async function remove(page, url) {
  await goTo(page, "#/delivery");
  holds("public stays", await rowOf(page, "public").getByRole("button", { name: "Delete public" }).isDisabled());
  await rowOf(page, "square").getByRole("button", { name: "Delete square" }).click();
  await page.getByRole("dialog").getByText("stops working at once").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await rowOf(page, "square").waitFor({ state: "detached" });
  same("its URLs stop", (await fetch(url)).ok, false);
}

async function settings(page) {
  await page.getByLabel("Flexible variants").click();
  await page.getByText("Options in URLs are served.").waitFor();
  same("flexible", (await api("GET", "/v1/config")).flexible_variants, true);
  const panel = page.getByRole("region", { name: "Account settings" });
  await panel.getByLabel("Browser TTL").selectOption("other");
  await panel.getByLabel("Seconds").fill("60");
  await panel.getByRole("button", { name: "Save" }).click();
  await panel.getByText("3600 to 31536000").waitFor();
  await panel.getByLabel("Seconds").fill("7200");
  await panel.getByRole("button", { name: "Save" }).click();
  await page.getByText("The browser TTL is stored.").waitFor();
  same("TTL", (await api("GET", "/v1/config")).browser_ttl, 7200);
}

async function origins(page) {
  const domains = page.getByRole("region", { name: "Custom domains" });
  await domains.getByLabel("Add a domain").fill("img.example.com/path");
  await domains.getByRole("button", { name: "Add" }).click();
  await domains.getByText("https://img.example.com", { exact: false }).first().waitFor();
  same("a refused domain stays typed", await domains.getByLabel("Add a domain").inputValue(), "img.example.com/path");
  await domains.getByLabel("Add a domain").fill("https://img.example.com");
  await page.keyboard.press("Enter");
  await domains.getByRole("listitem").filter({ hasText: "https://img.example.com" }).waitFor();
  same("domains", (await own("GET", "/domains")).domains, ["https://img.example.com"]);
  const remote = page.getByRole("region", { name: "Allowed origins for remote images" });
  await remote.getByLabel("Add an origin").fill("*.photos.example");
  await page.keyboard.press("Enter");
  await remote.getByRole("listitem").filter({ hasText: "*.photos.example" }).waitFor();
  const stored = async () => (await (await fetch(`${origin}/safelight/v1/origins`, { headers: { authorization: `Bearer ${token}` } })).json()).result.stored;
  same("origins", await stored(), ["*.photos.example"]);
  await look(page, "delivery");
  await axe(page, "delivery");
  await fits(page, "delivery");
  await remote.getByRole("button", { name: "Remove *.photos.example" }).click();
  await remote.getByText("None: no remote images are served.").waitFor();
  same("removed", await stored(), []);
}

const image = await upload({ requireSignedURLs: "true" });
const { page, errors, close } = await openDashboard({ path: "#/delivery" });
try {
  const url = await create(page, image);
  await change(page, url);
  await otherPicture(page);
  await remove(page, url);
  await settings(page);
  await settled(page);
  await origins(page);
  same("no error in the page", errors, []);
} finally {
  await close();
}
done();
