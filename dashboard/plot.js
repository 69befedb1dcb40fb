// Plots of numbers over time: with the pointer, with the arrow keys, and as a table.

import { h, s, freshId, replace } from "./dom.js";
import { table } from "./ui.js";
import { number } from "./format.js";
import { timeTicks, valueTicks } from "./ticks.js";

const HEIGHT = 190;
const TOP = 8;
const BOTTOM = 24;
const RIGHT = 12;

// Series differ by more than their colour: lines by their dashes, areas by their hatching.
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2"];
const HATCHES = ["", "M-2 2l4-4M0 8l8-8M6 10l4-4", "M0 2h8M0 6h8", "M2 0v8M6 0v8", "M0 0l8 8M0 8l8-8", "M2 2h1M6 6h1"];

const MOMENT = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
// Days are summed in UTC.
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/**
 * A plot. `stacked` puts the series on top of each other; `format` writes a value, `whole` says that there
 * are no fractions, and `sum` is what the legend says of a whole series while no point is chosen. The
 * element's `show({ from, width, series: [{ label, values }] })` draws: `from` in milliseconds, `width` in
 * seconds, and null among the values is a gap.
 */
export function plot(title, { stacked = false, format = number, whole = false, sum, signal }) {
  const id = freshId("plot");
  const state = { id, stacked, format, whole, sum, data: null, chosen: null };
  const drawing = s("svg", { class: "plot-drawing", "aria-hidden": "true", focusable: "false" });
  const cursor = s("g", { class: "plot-cursor" });
  const area = h("div", { className: "plot-area", role: "slider", tabIndex: 0, "aria-label": `${title}: points in time`, "aria-valuemin": "0" }, drawing);
  const legend = h("ul", { className: "plot-legend" });
  const time = h("p", { className: "plot-time" });
  const rows = h("div", { className: "plot-rows" });
  const asTable = h("details", { className: "plot-table" }, h("summary", {}, "Show as table"), rows);
  const element = h("figure", { className: "plot panel", "aria-labelledby": id },
    h("header", {}, h("h2", { id }, title), time), legend, area, asTable);
  Object.assign(state, { drawing, cursor, area, legend, time, rows, asTable, title });
  const observer = new ResizeObserver(() => draw(state));
  observer.observe(area);
  signal.addEventListener("abort", () => observer.disconnect());
  asTable.addEventListener("toggle", () => fillTable(state));
  listen(state);
  element.show = (data) => {
    // A chosen point stays what it was while newer ones come.
    const moment = state.chosen === null ? null : timeOf(state.data, state.chosen);
    state.data = { ...data, length: Math.max(0, ...data.series.map(({ values }) => values.length)) };
    const index = moment === null ? -1 : Math.round((moment - data.from) / (data.width * 1000));
    state.chosen = index >= 0 && index < state.data.length ? index : null;
    draw(state);
    fillTable(state);
  };
  return element;
}

function timeOf(data, index) {
  return data.from + index * data.width * 1000;
}

/** The time of a point, as the reader's clock has it. */
function timeText(data, index) {
  const text = (data.width >= 86_400 ? DAY : MOMENT).format(timeOf(data, index));
  const isOpen = timeOf(data, index) + data.width * 1000 > Date.now();
  return `${text}${data.width >= 86_400 ? " (UTC)" : ""}${isOpen ? ", so far" : ""}`;
}

function valueText({ format }, value) {
  return value === null || value === undefined ? "none" : format(value);
}

function listen(state) {
  const { area } = state;
  const near = (event) => {
    if (!state.scale) return;
    const x = event.clientX - area.getBoundingClientRect().left;
    const index = Math.floor((x - state.scale.left) / state.scale.step);
    choose(state, Math.min(state.data.length - 1, Math.max(0, index)));
  };
  area.addEventListener("pointermove", near);
  area.addEventListener("pointerdown", near);
  area.addEventListener("pointerleave", () => choose(state, null));
  area.addEventListener("blur", () => choose(state, null));
  area.addEventListener("keydown", (event) => {
    if (!state.data?.length) return;
    const last = state.data.length - 1;
    const now = state.chosen ?? last + 1;
    const far = Math.max(1, Math.round(last / 10));
    const next = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageDown: now - far, PageUp: now + far, Home: 0, End: last }[event.key];
    if (event.key === "Escape") choose(state, null);
    if (next === undefined) return;
    choose(state, Math.min(last, Math.max(0, next)));
    event.preventDefault();
  });
}

function choose(state, index) {
  if (state.chosen === index || !state.data?.length) return;
  state.chosen = index;
  mark(state);
}

/** Where values and times are in the drawing. */
function scaleOf(state) {
  const { data, stacked, whole, format, area } = state;
  const width = Math.max(120, area.clientWidth);
  const tops = Array.from({ length: data.length }, (_, index) => {
    const values = data.series.map((one) => one.values[index] ?? 0);
    return stacked ? values.reduce((all, value) => all + value, 0) : Math.max(0, ...values);
  });
  const ticks = valueTicks(Math.max(0, ...tops), 4, { whole });
  const longest = Math.max(...ticks.map((tick) => format(tick).length));
  const left = Math.ceil(longest * 7.2) + 10;
  const inner = width - left - RIGHT;
  const most = ticks.at(-1);
  return {
    width, left, inner, ticks, step: inner / data.length,
    x: (index) => left + (inner * index) / data.length,
    y: (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most),
  };
}

function draw(state) {
  const { data, drawing, area, cursor } = state;
  if (!data || area.clientWidth === 0) return;
  area.hidden = data.length === 0;
  if (data.length === 0) return;
  state.scale = scaleOf(state);
  drawing.setAttribute("viewBox", `0 0 ${state.scale.width} ${HEIGHT}`);
  replace(drawing, state.stacked ? hatches(state) : null, axes(state), state.stacked ? areas(state) : lines(state), cursor);
  area.setAttribute("aria-valuemax", String(data.length - 1));
  mark(state);
}

function axes({ data, scale, format }) {
  const group = s("g", { class: "plot-axes" });
  for (const tick of scale.ticks) {
    const y = scale.y(tick).toFixed(1);
    group.append(s("path", { d: `M${scale.left} ${y}H${scale.left + scale.inner}` }),
      s("text", { x: scale.left - 6, y, "text-anchor": "end", "dominant-baseline": "middle" }, format(tick)));
  }
  const to = timeOf(data, data.length);
  for (const { at, label } of timeTicks(data.from, to, Math.max(2, Math.floor(scale.inner / 84)))) {
    const x = scale.left + (scale.inner * (at - data.from)) / (to - data.from);
    // A label that would be cut off stays away; its mark does not.
    const half = label.length * 3.4;
    const fits = x > half && x + half < scale.width;
    group.append(s("path", { d: `M${x.toFixed(1)} ${HEIGHT - BOTTOM}v4` }),
      fits ? s("text", { x: x.toFixed(1), y: HEIGHT - 6, "text-anchor": "middle" }, label) : "");
  }
  return group;
}

function lines({ data, scale }) {
  return data.series.map(({ values }, number) => {
    let path = "";
    const alone = [];
    values.forEach((value, index) => {
      if (value === null) return;
      const before = (values[index - 1] ?? null) !== null;
      const after = (values[index + 1] ?? null) !== null;
      const at = `${(scale.x(index) + scale.step / 2).toFixed(1)} ${scale.y(value).toFixed(1)}`;
      path += `${before ? "L" : "M"}${at}`;
      // What has no neighbour is no line.
      if (!before && !after) alone.push(`M${at}h.01`);
    });
    return s("g", { class: `series-${number % 6}` },
      s("path", { class: "plot-line", d: path, "stroke-dasharray": DASHES[number % DASHES.length] }),
      s("path", { class: "plot-dot", d: alone.join("") }));
  });
}

/** The areas of each series, in steps, on top of those before it; where it is nothing there is no area. */
function areas({ id, data, scale }) {
  const below = new Array(data.length).fill(0);
  return data.series.map(({ values }, number) => {
    let path = "";
    for (let index = 0; index < data.length; index += 1) {
      let [upper, lower] = ["", ""];
      for (; (values[index] ?? 0) > 0; index += 1) {
        const ends = [scale.x(index), scale.x(index + 1)].map((x) => x.toFixed(1));
        lower = `H${ends[1]}V${scale.y(below[index]).toFixed(1)}H${ends[0]}${lower}`;
        below[index] += values[index];
        upper += `${upper ? "H" : "M"}${ends[0]}${upper ? "V" : " "}${scale.y(below[index]).toFixed(1)}`;
      }
      if (upper) path += `${upper}${lower}Z`;
    }
    return s("path", { class: `plot-stack series-${number % 6}`, d: path, fill: `url(#${id}-${number})` });
  });
}

function hatches({ id, data }) {
  return s("defs", {}, data.series.map((_, number) => s("pattern", { id: `${id}-${number}`, class: `series-${number % 6}`, width: 8, height: 8, patternUnits: "userSpaceOnUse" },
    s("rect", { class: "plot-back", width: 8, height: 8 }), s("path", { class: "plot-hatch", d: HATCHES[number % HATCHES.length] }))));
}

/** Shows the chosen point: a line through it, its values in the legend, and its words for screen readers. */
function mark(state) {
  const { data, scale, chosen, cursor, area, time, legend, id, stacked, sum } = state;
  const words = data.series.map(({ label, values }) => {
    const value = chosen === null ? sum?.(values) ?? "" : valueText(state, values[chosen]);
    return { label, value };
  });
  const entry = ({ label, value }, number) => h("li", { className: `series-${number % 6}` },
    sample(id, number, stacked), h("span", {}, label), value !== "" && h("strong", {}, value));
  replace(legend, words.map(entry));
  // An empty line would have no baseline, and move the heading.
  replace(time, chosen === null ? "\u00a0" : timeText(data, chosen));
  const text = chosen === null ? "No point chosen" : `${timeText(data, chosen)}: ${words.map(({ label, value }) => `${label} ${value}`).join(", ")}`;
  area.setAttribute("aria-valuenow", String(chosen ?? data.length - 1));
  area.setAttribute("aria-valuetext", text);
  if (chosen === null || !scale) {
    replace(cursor);
    return;
  }
  const x = (scale.x(chosen) + scale.step / 2).toFixed(1);
  const dot = ({ values }, number) => {
    const value = values[chosen] ?? null;
    return value === null ? null : s("circle", { class: `series-${number % 6}`, cx: x, cy: scale.y(value).toFixed(1), r: 3.5 });
  };
  replace(cursor, s("path", { d: `M${x} ${TOP}V${HEIGHT - BOTTOM}` }), stacked ? null : data.series.map(dot));
}

function sample(id, number, stacked) {
  const box = { viewBox: "0 0 24 12", class: "plot-sample", "aria-hidden": "true" };
  return stacked
    ? s("svg", box, s("rect", { class: "plot-stack", width: 24, height: 12, fill: `url(#${id}-${number})` }))
    : s("svg", box, s("path", { class: "plot-line", d: "M0 6h24", "stroke-dasharray": DASHES[number % DASHES.length] }));
}

/** The newest point comes first, as it is what is looked for. */
function fillTable(state) {
  const { data, rows, asTable, title } = state;
  if (!asTable.open || !data) return;
  const lines = Array.from({ length: data.length }, (_, back) => {
    const index = data.length - 1 - back;
    return [timeText(data, index), ...data.series.map(({ values }) => valueText(state, values[index]))];
  });
  replace(rows, table(title, ["From", ...data.series.map(({ label }) => label)], lines));
}
