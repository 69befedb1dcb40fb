// The code that makes a signed link, in the reader's language.

import { h, replace } from "./dom.js";
import * as api from "./api.js";
import { button, load, snippet, tabs } from "./ui.js";
import { quoted } from "./links.js";

/** What stands where a key's value belongs. */
const PLACEHOLDER = "\u2026";

const LANGUAGES = [
  ["JavaScript", "sign.mjs", "node sign.mjs"],
  ["Python", "sign.py", "python3 sign.py"],
  ["PHP", "sign.php", "php sign.php"],
  ["Ruby", "sign.rb", "ruby sign.rb"],
  ["Go", "sign.go", "go run sign.go"],
  ["Java", "Sign.java", "java Sign.java"],
  ["Rust", "sign.rs", null],
  ["Shell", "sign.sh", "sh sign.sh"],
];

/** Reads a snippet of docs/signing. */
async function source(file) {
  const answer = await fetch(`signing/${file}`, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`The snippet ${file} could not be loaded: status ${answer.status}.`);
  return (await answer.text()).trimEnd();
}

function command(run, { origin, path, expires }, value) {
  const words = [`SIGNING_KEY=${quoted(value)}`, run, quoted(path), expires].filter((word) => word !== null);
  return `echo "${origin}$(${words.join(" ")})"`;
}

function rust({ origin, path, expires }) {
  const when = expires === null ? "None" : `Some(${expires})`;
  return `mod sign; // sign.rs, beside this main.rs\n\nfn main() {\n    let key = std::env::var("SIGNING_KEY").expect("SIGNING_KEY");\n    println!("${origin}{}", sign::sign("${path}", &key, ${when}));\n}`;
}

function cli({ origin, path, expires, key }) {
  const when = expires === null ? "--no-expiry" : `--expires-at ${expires}`;
  return `safelight sign ${quoted(origin + path)} ${when} --key ${key} \\\n  --url ${location.origin} --account ${api.session.account_id} --token-file api-token`;
}

/** Tabs with the code that makes `link`, `{ origin, path, expires, key }`, and how to run it. */
export function signCode(link) {
  const lines = [];
  let value = PLACEHOLDER;
  const line = (label, make) => {
    const element = snippet(label, make(value));
    lines.push(() => element.set(make(value)));
    return element;
  };
  const language = (name, file, run) => () => {
    const place = h("div", { className: "code" });
    load(place, () => source(file), (text) => [
      h("p", { className: "hint" }, "Save as ", h("a", { href: `signing/${file}`, download: file }, file), run ? ", then run:" : ", then call it:"),
      run ? line("command", (secret) => command(run, link, secret)) : [snippet("main.rs", rust(link)), line("command", (secret) => `SIGNING_KEY=${quoted(secret)} cargo run`)],
      snippet(file, text)].flat());
    return place;
  };
  const safelight = () => h("div", { className: "code" },
    h("p", { className: "hint" }, "Asks the server for the key, with a token of the scope sign in the file api-token:"), snippet("command", cli(link)));
  return h("div", { className: "code" }, secrets(link.key, (secret) => {
    value = secret ?? PLACEHOLDER;
    lines.forEach((update) => update());
  }), tabs("Languages", [...LANGUAGES.map(([name, ...rest]) => [name, language(name, ...rest)]), ["safelight", safelight]]));
}

/** Puts the key's value into the commands, only when the reader asks for it, and takes it out again. */
function secrets(key, changed) {
  const problem = h("p", { className: "problem", role: "alert" });
  const place = h("div", { className: "row" });
  const hidden = () => button("Insert the key\u2019s value", { kind: "quiet", drawing: "eye", onclick: insert, disabled: !api.may("sign"), title: api.may("sign") ? undefined : "This needs a token with the scope sign." });
  async function insert() {
    problem.textContent = "";
    try {
      const { keys } = await api.call("GET", api.images("/v1/keys"));
      const found = keys.find(({ name }) => name === key);
      if (!found) throw new Error(`There is no key ${key} any more.`);
      changed(found.value);
      put(button("Take the key\u2019s value out", { kind: "quiet", drawing: "cross", onclick: () => {
        changed(null);
        put(hidden());
      } }));
    } catch (error) {
      problem.textContent = error.message;
    }
  }
  function put(element) {
    const focused = place.contains(document.activeElement);
    replace(place, element);
    if (focused) element.focus();
  }
  put(hidden());
  return h("div", {}, place, problem);
}
