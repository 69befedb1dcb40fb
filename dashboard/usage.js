// What GET …/usage tells, for the pages that draw it.

import * as api from "./api.js";

/** What can be looked at: its name in the address, its label, how many seconds it is, and how many a point has. */
export const RANGES = [
  { name: "6h", label: "6 hours", words: "the last 6 hours", seconds: 21_600, width: 300 },
  { name: "day", label: "Day", words: "the last day", seconds: 86_400, width: 300 },
  { name: "week", label: "Week", words: "the last week", seconds: 604_800, width: 3600 },
  { name: "month", label: "Month", words: "the last month", seconds: 2_592_000, width: 3600 },
  { name: "year", label: "Year", words: "the last year", seconds: 31_536_000, width: 86_400 },
];

/** The usage of a range that ends now. */
export function readUsage({ seconds, width }, signal) {
  const now = Date.now();
  // Whole points, so that the newest is the one that is still filling.
  const first = Math.floor((now - seconds * 1000) / (width * 1000)) + 1;
  const range = { from: new Date(first * width * 1000).toISOString(), to: new Date(now).toISOString(), width };
  return api.call("GET", api.own(`/usage${api.query(range)}`), { signal });
}

/** The sum of a series; a gap counts as nothing. */
export function total(values) {
  return values.reduce((sum, value) => sum + (value ?? 0), 0);
}

/** The newest value that is there, or null. */
export function newest(values) {
  return values.findLast((value) => value !== null) ?? null;
}
