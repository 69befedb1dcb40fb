// Making and changing a variant, with a picture beside it that shows what the options do.

import { h } from "./dom.js";
import * as api from "./api.js";
import { field, form, needs, section } from "./ui.js";
import { ttlField, ttlText } from "./ttl.js";
import { optionFields } from "./variant_fields.js";
import { urlText } from "./variant_options.js";
import { preview } from "./variant_preview.js";

const NEW = { id: "", options: { fit: "scale-down", width: 800, metadata: "copyright" }, neverRequireSignedURLs: false };

/**
 * The form of a variant. `variant` is the one to be changed, `copied` one to begin with, and neither means a
 * new one; `done(name)` is called when it is stored, `cancel()` when it shall not be.
 */
export function editor({ variant, copied, config, signal, done, cancel }) {
  const start = variant ?? (copied ? { ...copied, id: "" } : NEW);
  const disabled = !api.may("write");
  const name = field("Name", h("input", { type: "text", value: start.id, maxLength: 99, disabled: disabled || Boolean(variant), autocomplete: "off", spellcheck: false }),
    { hint: variant ? "A name cannot be changed: URLs have it." : "1 to 99 letters and digits; the last part of its URLs." });
  const picture = preview({ signal });
  const options = optionFields(start.options, { disabled, changed: show });
  const ttl = ttlField("Browser TTL", start.options.browser_ttl ?? null, { unset: `As the account (${ttlText(config.browser_ttl)})`, disabled, hint: "How long browsers may keep it." });
  const access = publicSwitch(start.neverRequireSignedURLs, disabled);
  function show() {
    try {
      picture.show(urlText(options.pairs()));
    } catch {
      // Said at the field; the picture stays.
    }
  }
  const element = form([name, options, ttl, access.element], variant ? "Save" : "Create variant", async () => {
    const id = name.input.value.trim();
    const values = { options: options.options(ttl.value()), neverRequireSignedURLs: access.input.checked };
    if (variant) await api.call("PATCH", api.images(`/v1/variants/${encodeURIComponent(variant.id)}`), { json: values });
    else await api.call("POST", api.images("/v1/variants"), { json: { id, ...values } });
    done(variant?.id ?? id);
  }, { cancel });
  Object.assign(element.send, needs("write"));
  show();
  return h("div", { className: "editor" }, section("Options", disabled && h("p", { className: "notice" }, "Your token lacks the scope write: variants can be seen and tried, not changed."), element),
    h("div", { className: "beside" }, section("Preview", picture)));
}

function publicSwitch(on, disabled) {
  const warning = h("p", { className: "notice", id: "public-warning", hidden: !on }, "Whoever knows the ID of an image sees this variant of it, also when the image is private: no signature is asked for.");
  const input = h("input", { type: "checkbox", role: "switch", id: "always-public", checked: on, disabled, onchange: () => {
    warning.hidden = !input.checked;
  } });
  input.setAttribute("aria-describedby", "public-warning");
  return { input, element: h("div", { className: "form" }, h("div", { className: "toggle" }, input,
    h("div", {}, h("label", { htmlFor: input.id }, "Always allow public access"), h("p", { className: "hint" }, "Off, private images need a signed URL for this variant too."))), warning) };
}
