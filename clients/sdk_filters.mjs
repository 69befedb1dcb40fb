// Metadata filters and the settings of an account by Cloudflare's TypeScript SDK.

import Cloudflare, { toFile } from "cloudflare";
import { account, done, hash, holds, origin, picture, same, token } from "./check.mjs";

const client = new Cloudflare({ apiToken: token, baseURL: `${origin}/client/v4` });
const { v1, v2 } = client.images;
const own = { account_id: account };

const IMAGES = {
  a: { status: "active", priority: 1, region: "us-east", camera: { lens: { mm: 35 } }, on: true },
  b: { status: "active", priority: 5, region: "eu-west", camera: { lens: { mm: 50 } }, on: false },
  c: { status: "old", priority: 9, region: "us-east", camera: { lens: { mm: 85 } }, on: true },
  d: { status: "5" },
};

const found = async (meta) => {
  const { images } = await v2.list({ ...own, sort_order: "asc", meta });
  return images.map((image) => image.id).join("");
};

async function filters() {
  for (const [id, metadata] of Object.entries(IMAGES)) {
    await v1.create({ ...own, id, file: await toFile(picture, `${id}.jpg`) });
    // By PATCH, since a form has texts alone.
    await v1.edit(id, { ...own, metadata });
  }
  for (const [meta, expected] of [
    [{ "status[eq]": "active" }, "ab"],
    [{ "status[eq:string]": "5" }, "d"],
    [{ "priority[eq:number]": "5" }, "b"],
    [{ "on[eq:boolean]": "true" }, "ac"],
    [{ "priority[gt]": "1" }, "bc"],
    [{ "priority[gte:number]": "5" }, "bc"],
    [{ "priority[lt:number]": "5" }, "a"],
    [{ "priority[lte]": "5" }, "ab"],
    [{ "region[in]": "us-east|eu-west" }, "abc"],
    [{ "priority[in:number]": "1|9" }, "ac"],
    [{ "camera.lens.mm[gte]": "50" }, "bc"],
    [{ camera: { lens: { "mm[lt]": "50" } } }, "a"],
    [{ "status[eq]": "active", "region[eq]": "us-east" }, "a"],
    [{ "priority[gt]": "5", "priority[lt]": "5" }, ""],
    [{ "nothing[eq]": "x" }, ""],
  ]) {
    same(`meta ${JSON.stringify(meta)}`, await found(meta), expected);
  }
}

async function refusals() {
  const message = async (meta) => {
    const error = await v2.list({ ...own, meta }).catch((error) => error);
    holds(`refused: ${JSON.stringify(meta)}`, error instanceof Cloudflare.BadRequestError);
    same("its code", error.errors[0].code, 5400);
    return error.errors[0].message;
  };
  const operator = "Unsupported metadata filter operator: 'not-eq'";
  same("the operator is named", await message({ "status[not-eq]": "x" }), operator);
  const six = Object.fromEntries([..."abcdef"].map((name) => [`${name}[eq]`, "x"]));
  const many = "Too many metadata filters: 6 provided, maximum 5 allowed";
  same("the number is told", await message(six), many);
}

async function pages() {
  const ids = [..."abcdefghijkl"].map((letter) => `page-${letter}`);
  for (const id of ids) {
    await v1.create({ ...own, id, file: await toFile(picture, "p.jpg"), metadata: { set: "pages" } });
  }
  const walked = [];
  let continuation_token;
  do {
    const query = { per_page: 10, sort_order: "asc", meta: { "set[eq]": "pages" }, continuation_token };
    const page = await v2.list({ ...own, ...query });
    walked.push(...page.images.map((image) => image.id));
    continuation_token = page.continuation_token;
  } while (continuation_token);
  same("every page of a filtered list", walked, ids);
  await v1.delete(ids[0], own);
  await v1.edit(ids[1], { ...own, metadata: { set: "other" } });
  const left = (await v2.list({ ...own, meta: { "set[eq]": "pages" } })).images;
  same("deleted and changed images are found no more", left.length, 10);
}

async function config() {
  const path = `/accounts/${account}/images/v1/config`;
  // A minute is for what is being made better, which takes less.
  const maxAge = async () => {
    for (let waited = 0; ; waited += 100) {
      const answer = await fetch(`${origin}/${hash}/a/public`);
      const age = Number(/max-age=(\d+)/.exec(answer.headers.get("cache-control"))[1]);
      if (age !== 60 || waited > 60_000) return age;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  same("two days at first", await maxAge(), 172_800);
  const { result } = await client.patch(path, { body: { browser_ttl: 7200 } });
  same("the account's browser TTL", result.browser_ttl, 7200);
  same("it holds at once", await maxAge(), 7200);
  const options = { fit: "cover", metadata: "none", width: 40, height: 40, browser_ttl: 3600 };
  await v1.variants.edit("public", { ...own, options });
  same("a variant's own wins", await maxAge(), 3600);
}

await filters();
await refusals();
await pages();
await config();
done();
