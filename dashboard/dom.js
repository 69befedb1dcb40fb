// Elements without HTML text: nothing that comes from a picture or a person is ever parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `props` are properties or attributes, `on…` listeners; children are nodes and texts. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same in SVG. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (name in element && !(element instanceof SVGElement) && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Puts other children in place of those that are there. */
export function replace(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Makes `nodes`, in their order, the children of `element`; those that stay are not touched, so focus stays too. */
export function arrange(element, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...element.children]) if (!wanted.has(child)) child.remove();
  let at = element.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else element.insertBefore(node, at);
  }
}

let ids = 0;

/** An id that nothing else in the document has. */
export function freshId(prefix = "id") {
  ids += 1;
  return `${prefix}-${ids}`;
}

// Outlines on a grid of 24, drawn with the colour of the text.
const ICONS = {
  images: "M4 5h16v14H4zM4 15l4-4 4 4 3-3 5 5M9 9h.01",
  key: "M15 9a4 4 0 1 1-4-4 4 4 0 0 1 4 4zM13.5 12.5 21 20M18 17l2-2",
  sliders: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4v6M6 14v6",
  chart: "M4 20h16M7 20v-7M12 20V5M17 20v-11",
  shield: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  upload: "M12 20V9M7 13l5-5 5 5M5 4h14",
  token: "M5 11h14v9H5zM8 11V8a4 4 0 0 1 8 0v3",
  code: "M9 7l-5 5 5 5M15 7l5 5-5 5",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  check: "M5 13l4 4L19 7",
  cross: "M6 6l12 12M18 6L6 18",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
  open: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 5.7-1.3",
  grid: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  menu: "M4 7h16M4 12h16M4 17h16",
  moon: "M20 14A8 8 0 1 1 10 4a6.5 6.5 0 0 0 10 10z",
  eye: "M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  plus: "M12 5v14M5 12h14",
  minus: "M6 12h12",
  retry: "M20 12a8 8 0 1 1-2.3-5.7M20 4v5h-5",
  search: "M11 18a7 7 0 1 1 0-14 7 7 0 0 1 0 14zM16 16l5 5",
  warning: "M12 4l9 16H3zM12 10v4M12 17h.01",
  out: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  leave: "M10 4H5v16h5M15 8l4 4-4 4M19 12H9",
  rotate: "M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5",
};

/** A drawing that only repeats what a text or label beside it says. */
export function icon(name) {
  const drawing = { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" };
  return s("svg", drawing, s("path", { d: ICONS[name] ?? "" }));
}
