// Light, dark, or as the system has it.

import { button } from "./ui.js";

const WORDS = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
const NEXT = { system: "light", light: "dark", dark: "system" };

function chosen() {
  try {
    const theme = localStorage.getItem("theme");
    return theme in WORDS ? theme : "system";
  } catch {
    // Storage may be closed to the page.
    return "system";
  }
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
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // It then holds until the page is left.
    }
    applyTheme(theme);
    element.querySelector("span").textContent = WORDS[theme];
  } });
  return element;
}
