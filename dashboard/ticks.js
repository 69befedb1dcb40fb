// Where the marks of an axis are, and what stands beside them.

const MINUTE = 60_000;
const DAY = 86_400_000;

// What people count time in: within a day, in days, in months.
const WITHIN_DAY = [5, 10, 30, 60, 180, 360, 720].map((minutes) => minutes * MINUTE);
const DAYS = [1, 2, 7, 14];
const MONTHS = [1, 2, 3, 6, 12];

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const MONTH = new Intl.DateTimeFormat(undefined, { month: "short" });

/** Round values from 0 to at least `most`, in at most `count` steps of 1, 2 or 5 times a power of ten. */
export function valueTicks(most, count, { whole = false } = {}) {
  const rough = (most > 0 ? most : 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = [1, 2, 5, 10].map((digit) => digit * power).find((one) => one >= rough * (1 - 1e-9));
  const step = whole ? Math.max(1, nice) : nice;
  const steps = Math.max(1, Math.ceil(most / step - 1e-9));
  return Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** Marks `{ at, label }` between two moments in milliseconds, at most `count`, at round times of the reader's clock. */
export function timeTicks(from, to, count) {
  const span = (to - from) / Math.max(1, count);
  const short = WITHIN_DAY.find((step) => step >= span);
  if (short) return walk(from, to, (day, index) => new Date(day.getFullYear(), day.getMonth(), day.getDate(), 0, (index * short) / MINUTE), clockLabel);
  const days = DAYS.find((step) => step * DAY >= span);
  if (days) return walk(from, to, (day, index) => new Date(day.getFullYear(), day.getMonth(), day.getDate() + index * days), (date) => DATE.format(date));
  const months = MONTHS.find((step) => step * 28 * DAY >= span) ?? 12;
  return walk(from, to, (day, index) => new Date(day.getFullYear(), Math.floor(day.getMonth() / months) * months + index * months, 1), monthLabel);
}

function walk(from, to, moment, label) {
  const marks = [];
  const first = new Date(from);
  for (let index = 0; ; index += 1) {
    const date = moment(first, index);
    const at = date.getTime();
    if (at > to) return marks;
    // The hour that a clock goes through twice is marked once.
    if (at >= from && at !== marks.at(-1)?.at) marks.push({ at, label: label(date) });
  }
}

function clockLabel(date) {
  return date.getHours() === 0 && date.getMinutes() === 0 ? DATE.format(date) : CLOCK.format(date);
}

function monthLabel(date) {
  return date.getMonth() === 0 ? String(date.getFullYear()) : MONTH.format(date);
}
