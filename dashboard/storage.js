// What a browser remembers of its reader's taste. Storage may be closed to the page: then it is forgotten.

/** The remembered text, or `fallback`. */
export function remembered(name, fallback) {
  try {
    return localStorage.getItem(name) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Remembers a text. */
export function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It then holds until the page is left.
  }
}
