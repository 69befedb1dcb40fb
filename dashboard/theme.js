// Light, dark, or as the system has it.

import { remember, remembered } from "./storage.js";
import { button } from "./ui.js";

const WORDS = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
const NEXT = { system: "light", light: "dark", dark: "system" };

function chosen() {
  const theme = remembered("theme", "system");
  return theme in WORDS ? theme : "system";
}

/** Puts the chosen theme in force. */
export function applyTheme(theme = chosen()) {
  if (theme === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", theme);
}

/** A button that goes through the themes. */
export function themeButton() {
  const element = button(WORDS[chosen()], { kind: "quiet", drawing: "moon", onclick: () => {
    const theme = NEXT[chosen()];
    remember("theme", theme);
    applyTheme(theme);
    element.querySelector("span").textContent = WORDS[theme];
  } });
  return element;
}
