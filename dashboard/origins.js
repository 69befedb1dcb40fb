// Lists of origins that are stored as a whole: one can be added, each can be removed.

import { h, replace } from "./dom.js";
import { badge, button, field, form, needs, outside, toast } from "./ui.js";

/**
 * A list. `fixed` are entries that cannot be removed here, for the reason `why`; `save(list)` stores the
 * whole list and gives what is then stored.
 */
export function originList({ items, fixed = [], why = "", label, placeholder, hint, empty, save }) {
  let stored = items;
  const list = h("ul", { className: "entries", tabIndex: -1 });
  const input = field(label, h("input", { type: "text", inputMode: "url", placeholder, autocomplete: "off", spellcheck: false, ...needs("write") }), { hint });
  const add = form([input], "Add", async () => {
    const text = input.input.value.trim();
    input.fail(text === "" ? "Enter one." : null);
    if (text === "") return;
    stored = await save([...stored, text]);
    input.input.value = "";
    show();
    input.input.focus();
  });
  Object.assign(add.send, needs("write"));
  async function remove(one) {
    try {
      stored = await save(stored.filter((other) => other !== one));
      show();
      list.focus();
    } catch (error) {
      toast(error.message, "bad");
    }
  }
  function show() {
    const rows = [
      ...fixed.map((one) => h("li", {}, h("code", {}, outside(one)), badge(why, "", "lock"))),
      ...stored.map((one) => h("li", {}, h("code", {}, outside(one)), button(`Remove ${one}`, { kind: "quiet", drawing: "trash", hideLabel: true, onclick: () => remove(one), ...needs("write") }))),
    ];
    replace(list, rows.length > 0 ? rows : h("li", { className: "faint" }, empty));
  }
  show();
  return h("div", { className: "form" }, list, add);
}
