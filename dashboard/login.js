// The page of those who are not logged in.

import { h, replace } from "./dom.js";
import { logIn } from "./api.js";
import { field, form } from "./ui.js";

/** Shows the login in place of everything; `done` is called once someone is logged in. */
export function showLogin(app, done) {
  document.title = "Log in · Safelight";
  const token = field("API token", h("input", { type: "password", autocomplete: "current-password", required: true, spellcheck: false, name: "token" }), {
    hint: "The first one is in the file api-token of the data folder. The server keeps only its hash.",
  });
  const login = form([token], "Log in", async () => {
    const text = token.input.value.trim();
    token.fail(text === "" ? "Enter a token." : null);
    if (text === "") return token.input.focus();
    await logIn(text);
    done();
  });
  replace(app, h("main", { className: "alone", id: "main", tabIndex: -1 },
    h("h1", {}, "Safelight"), h("p", { className: "lead" }, "Private images, served by signed URL."), login));
  token.input.focus();
}
