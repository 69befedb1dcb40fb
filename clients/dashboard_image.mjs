// The dashboard's page of one image: preview, access, metadata, links, signing, and its end. Then the pages
// Verify and Developer.

import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { account, api, done, get, hash, holds, key, origin, picture, refusedAt, same, token, upload } from "./check.mjs";
import { axe, fits, goTo, look, openDashboard, settled } from "./dashboard.mjs";

const ID = "holiday/ü 50% (1)'s.jpg";
const HOSTILE = { id: `users/<img src=x onerror=alert(1)>/${"ab/c".repeat(240)}`, filename: "<script>alert(1)</script>\u202egpj.exe" };

const imageAt = (id) => `#/image?${new URLSearchParams({ id })}`;
const read = (id) => api("GET", `/v1/${encodeURIComponent(id)}`);
const panel = (page, name) => page.getByRole("region", { name, exact: true });
/** Waits until the clipboard begins with this text. */
const copied = (page, text) => page.waitForFunction((text) => navigator.clipboard.readText().then((seen) => seen.startsWith(text), () => false), text);

async function prepared() {
  await api("PATCH", "/v1/config", { flexible_variants: true });
  const { variants } = await api("GET", "/v1/variants");
  if (!variants.card) await api("POST", "/v1/variants", { id: "card", options: { width: 640 } });
  if (!variants.thumb) await api("POST", "/v1/variants", { id: "thumb", options: { width: 200, height: 200, fit: "cover" }, neverRequireSignedURLs: true });
  await api("PUT", "/v1/keys/second");
  for (const id of [ID, HOSTILE.id]) await api("DELETE", `/v1/${encodeURIComponent(id)}`).catch(() => {});
  const image = await upload({ id: ID, requireSignedURLs: "true", creator: "alice", metadata: '{"place":"Zürich","serial":12345678901234567890}' });
  const form = new FormData();
  form.set("file", new Blob([picture]), HOSTILE.filename);
  form.set("id", HOSTILE.id);
  form.set("creator", "<b>\u202eevil");
  form.set("metadata", '{"<b>k</b>":"<script>alert(2)</script>"}');
  await api("POST", "/v1", form);
  return image;
}

async function previews(page) {
  const shown = panel(page, "Preview");
  await shown.getByRole("img").waitFor();
  holds("preview: a picture of the private image", await shown.getByRole("img").evaluate((image) => image.naturalWidth === 1152 && image.src.startsWith("blob:")));
  await shown.getByLabel("Variant").selectOption("card");
  await shown.getByLabel("Format").selectOption("png");
  await shown.getByText(/image\/png .* 640 × 427/).waitFor();
  await shown.getByLabel("Variant").selectOption({ label: "Options…" });
  await shown.getByLabel("Options").fill("width=10,nonsense=1");
  await page.keyboard.press("Enter");
  await shown.getByRole("alert").getByText(/nonsense/).waitFor();
  await shown.getByLabel("Options").fill("width=100");
  await page.keyboard.press("Enter");
  await shown.getByText(/image\/png .* 100 × 67/).waitFor();
  const all = panel(page, "Every variant in every format");
  await all.getByRole("button", { name: "Compare" }).click();
  await all.getByRole("button", { name: "Compare again" }).waitFor();
  same("comparison: a row for each variant", await all.getByRole("row").count(), 4);
  same("comparison: every cell is filled", (await all.getByRole("cell").allInnerTexts()).filter((text) => !/^[\d.]+ k?B|^\d+ × \d+$/.test(text)), []);
}

async function metadata(page) {
  const editor = panel(page, "Metadata");
  const text = editor.getByLabel("JSON object");
  same("metadata: formatted, digits whole", await text.inputValue(), '{\n  "place": "Zürich",\n  "serial": 12345678901234567890\n}');
  const save = editor.getByRole("button", { name: "Save metadata" });
  holds("metadata: nothing to save yet", await save.isDisabled());
  await text.fill('{\n  "place": "Bern",\n}');
  await editor.getByText("Line 2, column 18: There must be no comma before }.").waitFor();
  holds("metadata: mistakes cannot be saved", await save.isDisabled());
  await text.fill("[1]");
  await editor.getByText("Metadata must be an object").waitFor();
  await look(page, "image-metadata");
  await text.fill(JSON.stringify({ text: "x".repeat(1100) }));
  await save.click();
  await editor.getByText(/1,?024/).waitFor();
  same("metadata: what the server refuses stays", (await text.inputValue()).length > 1100, true);

  const wanted = '{"place":"Bern","serial":12345678901234567890}';
  await text.fill(wanted);
  await goTo(page, "#/verify");
  await goTo(page, imageAt(ID));
  same("metadata: what was not saved is there again", await text.inputValue(), wanted);
  await page.keyboard.press("Escape");
  await save.click();
  await editor.getByText("Not saved").waitFor({ state: "detached" });
  const stored = await fetch(`${origin}/client/v4/accounts/${account}/images/v1/${encodeURIComponent(ID)}`, { headers: { authorization: `Bearer ${token}` } });
  holds("metadata: saved with every digit", (await stored.text()).includes('"serial":12345678901234567890'));
  const creator = panel(page, "Creator");
  await creator.getByLabel("Name").fill("bob");
  await creator.getByRole("button", { name: "Save creator" }).click();
  await page.getByText("Creator saved").waitFor();
  same("creator: saved", (await read(ID)).creator, "bob");
}

async function access(page) {
  const toggle = page.getByRole("switch", { name: "Require signed URLs" });
  await toggle.click();
  await page.getByRole("dialog").getByText("Make this image public?").waitFor();
  await look(page, "image-make-public");
  await axe(page, "make public?");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  holds("access: still private", (await toggle.isChecked()) && (await read(ID)).requireSignedURLs);
  await toggle.click();
  await page.getByRole("button", { name: "Make public" }).click();
  await panel(page, "Access").getByText(/^Public:/).waitFor();
  same("access: public by the API", (await read(ID)).requireSignedURLs, false);
  same("access: every URL is public", await panel(page, "URLs").getByText("Public", { exact: true }).count(), 3);
  await toggle.click();
  await panel(page, "Access").getByText(/^Private:/).waitFor();
  same("access: private again", (await read(ID)).requireSignedURLs, true);
  await panel(page, "History").getByText(/made private|private/).first().waitFor();
}

async function links(page, image) {
  const urls = panel(page, "URLs");
  same("URLs: two need a signature", await urls.getByText("Needs a signature").count(), 2);
  for (const variant of ["card", "public", "thumb"]) {
    await urls.getByRole("button", { name: `Copy the URL of ${variant}` }).click();
    const wanted = image.variants.find((url) => url.endsWith(`/${variant}`));
    await copied(page, wanted);
    holds(`URLs: ${variant} is what the API says`, true);
  }
  const code = panel(page, "Code for a page");
  const html = code.getByLabel("HTML", { exact: true });
  holds("srcset: by variants", /\/card 640w,\n.*\/public 1152w"/.test(await html.innerText()));
  await code.getByLabel("Made of").selectOption("options");
  await code.getByLabel("Widths in pixels").fill("400, 800, 99999");
  await page.keyboard.press("Tab");
  await code.getByText("Whole numbers from 1 to 12000").waitFor();
  await code.getByLabel("Widths in pixels").fill("400, 800");
  await page.keyboard.press("Tab");
  await code.getByRole("button", { name: "Sign all" }).click();
  await page.waitForFunction(() => /sig=/.test(document.querySelector("[aria-label=HTML]").textContent));
  const signed = [...(await html.innerText()).matchAll(/(http\S+) (\d+)w/g)].map(([, url, width]) => [url.replaceAll("&amp;", "&"), Number(width)]);
  same("srcset: both widths", signed.map(([, width]) => width), [400, 800]);
  for (const [url, width] of signed) same(`srcset: ${width} is served`, (await get(url)).status, 200);
  await code.getByRole("button", { name: "Copy HTML" }).click();
  await copied(page, "<img");
}

async function signed(page) {
  await panel(page, "URLs").getByRole("button", { name: "Sign card" }).or(panel(page, "URLs").getByTitle("Sign card")).click();
  const sign = panel(page, "Sign a URL");
  same("sign: the variant is chosen", await sign.getByLabel("Variant").inputValue(), "card");
  await sign.getByLabel("Expires after").selectOption("300");
  await sign.getByLabel("Key").selectOption("default");
  await sign.getByRole("button", { name: "Sign", exact: true }).click();
  const link = await sign.getByLabel("signed link", { exact: true }).innerText();
  const { status, bytes } = await get(link);
  same("sign: the link opens", [status, bytes.length > 1000], [200, true]);
  await sign.getByRole("timer").getByText(/^00:0[45]:/).waitFor();
  await sign.getByRole("button", { name: "Test" }).click();
  await sign.getByText(/^Status 200 · image\//).waitFor();
  await sign.getByRole("button", { name: "Copy link" }).click();
  await copied(page, link);
  await code(page, sign, link);
  await look(page, "image-signed");
  await axe(page, "a signed URL");
  await fits(page, "a signed URL");
  return link;
}

/** The commands that are shown give the same link. */
async function code(page, sign, link) {
  await sign.getByText("Code that makes this link").click();
  const folder = mkdtempSync(path.join(tmpdir(), "signing-"));
  for (const [name, file] of [["JavaScript", "sign.mjs"], ["Python", "sign.py"], ["Shell", "sign.sh"]]) {
    await sign.getByRole("tab", { name, exact: true }).click();
    const text = await sign.getByLabel(file, { exact: true }).innerText();
    writeFileSync(path.join(folder, file), `${text}\n`);
    const command = await sign.getByLabel("command", { exact: true }).innerText();
    holds(`code: ${file} has no secret in it`, command.includes("SIGNING_KEY='…'"));
    const made = execFileSync("sh", ["-c", command.replace("'…'", `'${key}'`)], { cwd: folder, encoding: "utf8" }).trim();
    same(`code: ${file} makes the same link`, made, link);
  }
  for (const name of ["PHP", "Ruby", "Go", "Java", "Rust", "safelight"]) {
    await sign.getByRole("tab", { name, exact: true }).click();
    await sign.getByLabel("command", { exact: true }).waitFor();
  }
  await sign.getByRole("tab", { name: "Shell" }).click();
  await sign.getByRole("button", { name: "Insert the key’s value" }).click();
  await sign.getByLabel("command", { exact: true }).getByText(key).waitFor();
  await sign.getByRole("button", { name: "Take the key’s value out" }).click();
  holds("code: and takes it out again", !(await sign.innerText()).includes(key));
}

async function verified(page, link) {
  await panel(page, "Sign a URL").getByRole("link", { name: "Verify this URL" }).click();
  await page.getByRole("heading", { name: "Accepted" }).waitFor();
  await look(page, "verify-accepted");
  await axe(page, "verify, accepted");
  await goTo(page, "#/verify");
  const input = page.getByLabel("URL or path");
  const refused = async (what, url, words) => {
    await input.fill(url);
    await input.press("Enter");
    await page.getByRole("heading", { name: "Refused" }).waitFor();
    for (const text of words) await page.getByText(text).first().waitFor();
    holds(`verify: ${what}`, true);
  };
  const other = link.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
  await refused("a changed signature", other, [/No active key/, "The text that has to be signed"]);
  await look(page, "verify-refused");
  await axe(page, "verify, refused");
  await fits(page, "verify");
  holds("verify: what is typed is not in the address", !page.url().includes("sig="));
  const past = `${new URL(link).pathname}?exp=1000000000`;
  await refused("an expired link", `${past}&sig=${createHmac("sha256", key).update(past).digest("hex")}`, ["Sign a new link"]);
  await refused("no signature", link.split("?")[0], ["Sign the URL"]);
  await refused("no delivery URL", "https://example.com/", [/no delivery URL/]);
  await input.fill(`javascript:alert(1)//${"<b>".repeat(50)}\u202e`);
  await input.press("Enter");
  await page.getByRole("alert").getByText(/http or https/).waitFor();
  holds("verify: other schemes are refused beside the field", (await page.getByRole("heading", { name: "Refused" }).count()) === 0);
  await page.getByLabel("URL or path").fill("");
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByText("Paste a URL.").waitFor();
}

async function developer(page) {
  await goTo(page, "#/developer");
  const shell = panel(page, "Sign a link in a shell");
  const list = shell.getByLabel("Image");
  await list.waitFor();
  const wanted = await list.evaluate((element) => [...element.options].find((option) => option.text.includes("holiday/ü")).value);
  await list.selectOption(wanted);
  const script = await shell.getByLabel("shell code").innerText();
  holds("developer: no key is filled in", script.includes("KEY='…'") && !script.includes(key));
  const link = execFileSync("sh", ["-c", script.replace("'…'", `'${key}'`)], { encoding: "utf8" }).trim();
  same("developer: the shell's link opens", (await get(link)).status, 200);
  await refusedAt("developer: another signature does not", link.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")), 403, 9425);
  await look(page, "developer");
  await axe(page, "developer");
  await fits(page, "developer");
  await page.getByRole("tab", { name: "Worker" }).click();
  const worker = await page.getByLabel("code: worker.js").innerText();
  const module = await import(`data:text/javascript,${encodeURIComponent(worker)}`);
  const answer = await module.default.fetch(new Request(`https://worker.example/${encodeURI(ID)}/public`), { IMAGES_SIGNING_KEY: key });
  same("developer: the Worker's link opens", [answer.status, (await get(answer.headers.get("location"))).status], [302, 200]);
  for (const name of ["curl", "TypeScript", "Python", "safelight"]) {
    await page.getByRole("tab", { name, exact: true }).click();
    const text = await page.getByRole("tabpanel").innerText();
    holds(`developer: ${name} has this account and no secret`, text.includes(account) && !text.includes(key) && !text.includes(token));
  }
  await examples(page);
}

/** The examples for curl and the SDK do what they say. */
async function examples(page) {
  // The SDK is looked for from this script's folder upwards.
  const folder = mkdtempSync(path.join(path.dirname(fileURLToPath(import.meta.url)), "examples-"));
  const run = (...command) => execFileSync(command[0], command.slice(1), { cwd: folder, encoding: "utf8", env: { ...process.env, SAFELIGHT_TOKEN: token } });
  const codes = () => page.getByRole("tabpanel").locator("pre").allInnerTexts();
  writeFileSync(path.join(folder, "photo.jpg"), picture);
  await page.getByRole("tab", { name: "curl", exact: true }).click();
  const script = (await codes()).join("\n").replace("'…'", `'${token}'`).replaceAll("curl ", "curl -sf ");
  writeFileSync(path.join(folder, "curl.sh"), script);
  const answers = run("sh", "-e", "curl.sh");
  const made = [...answers.matchAll(/"result":\{"id":"([^"]+)"/g)].map(([, id]) => id);
  same("developer: curl uploads twice and makes a link for a third", made.length, 3);
  const [, url] = /"url":"([^"]+)"/.exec(answers);
  same("developer: curl signs", (await get(url)).status, 200);
  await page.getByRole("tab", { name: "TypeScript", exact: true }).click();
  writeFileSync(path.join(folder, "sdk.mjs"), (await codes()).at(-1));
  const [first, , last] = run("node", "sdk.mjs").split(/\n(?=\[|http)/);
  same("developer: the SDK's private upload", (await read(first.split(" ")[0])).requireSignedURLs, true);
  holds("developer: the SDK's upload link", last.startsWith("http"));
  for (const id of [...made, first.split(" ")[0]]) await api("DELETE", `/v1/${encodeURIComponent(id)}`);
  rmSync(folder, { recursive: true });
}

async function hostile(page) {
  await goTo(page, imageAt(HOSTILE.id));
  await page.getByRole("heading", { level: 1 }).getByText("<script>alert(1)</script>").waitFor();
  await panel(page, "Preview").getByRole("img").waitFor();
  await look(page, "image-hostile");
  await axe(page, "a hostile image");
  await fits(page, "a hostile image");
  same("hostile: nothing became markup", await page.locator("main script, main b, main img[src=x]").count(), 0);
}

async function end(page) {
  await goTo(page, imageAt(ID));
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download original" }).click()]);
  same("the original, byte for byte", readFileSync(await download.path()).equals(picture), true);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  same("delete: asked first", (await read(ID)).id, ID);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.waitForFunction(() => location.hash === "#/images");
  same("delete: gone", (await read(ID).catch((error) => String(error))).includes("5404"), true);
  await goTo(page, imageAt(ID));
  await page.getByText("There is no such image").waitFor();
  await look(page, "image-missing");
  await axe(page, "an image that is gone");
}

const image = await prepared();
const { page, errors, close } = await openDashboard({ path: imageAt(ID) });
try {
  await previews(page);
  await look(page, "image");
  await axe(page, "image");
  await fits(page, "image");
  await metadata(page);
  await access(page);
  await links(page, image);
  const link = await signed(page);
  await verified(page, link);
  await developer(page);
  await hostile(page);
  await end(page);
  await settled(page);
  same("no error in the pages", errors, []);
  holds("the account's hash is in the links", link.includes(hash));
} finally {
  await close();
  await api("DELETE", `/v1/${encodeURIComponent(HOSTILE.id)}`).catch(() => {});
  await api("DELETE", "/v1/keys/second").catch(() => {});
}
done();
