// Tokens in the dashboard: made with scopes, shown once, and revoked.

import { done, holds, origin, same } from "./check.mjs";
import { axe, fits, goTo, look, openDashboard, own } from "./dashboard.mjs";

const HOSTILE = `<script>alert(1)</script>\u202Egpj ${"x".repeat(70)}`;

const rowOf = (page, name) => page.getByRole("row").filter({ hasText: name });
const byName = async (name) => (await own("GET", "/tokens")).find((token) => token.name === name);

async function status(secret, path) {
  const answer = await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${secret}` } });
  return answer.status;
}

async function make(page) {
  await page.getByLabel("Name").fill("shop, signing");
  await page.getByRole("button", { name: "Sign only" }).click();
  await page.getByRole("button", { name: "Create token" }).click();
  const kept = page.getByRole("region", { name: "Keep this token now" });
  await kept.waitFor();
  const secret = (await kept.locator("code").innerText()).trim();
  await kept.getByRole("button", { name: "Copy Token" }).click();
  await page.waitForFunction((text) => navigator.clipboard.readText().then((copied) => copied === text), secret);
  await look(page, "tokens-secret");
  await axe(page, "tokens with a secret");
  same("its scopes", (await byName("shop, signing")).scopes, ["sign"]);
  const account = process.env.SAFELIGHT_ACCOUNT;
  same("it sees keys", await status(secret, `/client/v4/accounts/${account}/images/v1/keys`), 200);
  same("and no images", await status(secret, `/client/v4/accounts/${account}/images/v1`), 403);
  await kept.getByRole("button", { name: "I have kept it" }).click();
  holds("the secret is gone", !(await page.locator("main").innerText()).includes(secret));
  return secret;
}

async function mistakes(page) {
  await page.getByRole("checkbox", { name: "Read" }).uncheck();
  await page.getByRole("checkbox", { name: "Sign" }).uncheck();
  await page.getByLabel("Name").fill("nothing");
  await page.getByRole("button", { name: "Create token" }).click();
  await page.getByText("Choose at least one scope.").waitFor();
  same("what was typed stays", await page.getByLabel("Name").inputValue(), "nothing");
}

async function revoke(page, secret) {
  await rowOf(page, "shop, signing").getByRole("button", { name: "Revoke" }).click();
  const dialog = page.getByRole("dialog", { name: "Revoke this token?" });
  await dialog.getByText("is refused at once").waitFor();
  await page.keyboard.press("Escape");
  holds("not by Escape", await byName("shop, signing"));
  await rowOf(page, "shop, signing").getByRole("button", { name: "Revoke" }).click();
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await rowOf(page, "shop, signing").waitFor({ state: "detached" });
  same("refused", await status(secret, "/safelight/v1/whoami"), 401);
}

const { page, errors, close } = await openDashboard({ path: "#/tokens" });
try {
  const secret = await make(page);
  await mistakes(page);
  await revoke(page, secret);
  await own("POST", "/tokens", { name: HOSTILE, scopes: ["read"] });
  await goTo(page, "#/overview");
  await goTo(page, "#/tokens");
  await page.getByText("<script>alert(1)</script>").first().waitFor();
  await look(page, "tokens");
  await axe(page, "tokens");
  await fits(page, "tokens");
  same("no error in the page", errors, []);
} finally {
  await close();
}
done();
