// Figures and times as people write them in the page's language.
import { el } from "./dom.js";
import { language, t } from "./i18n.js";

export const NONE = "–";
const UNITS = ["B", "kB", "MB", "GB"];

/** 0..1 as a percentage; a dash where nothing was counted. */
export function percent(rate, digits = 0) {
  if (typeof rate !== "number") return NONE;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(rate);
}

export function count(n) {
  return typeof n === "number" ? n.toLocaleString(language) : NONE;
}

export function milliseconds(ms) {
  return typeof ms === "number" ? t("figures.ms", Math.round(ms).toLocaleString(language)) : NONE;
}

/** Any number: whole ones in full, others to four digits. */
export function number(n) {
  return Number.isInteger(n) ? count(n) : n.toLocaleString(language, { maximumSignificantDigits: 4 });
}

export function bytes(n) {
  const power = Math.min(Math.floor(Math.log10(Math.max(n, 1)) / 3), UNITS.length - 1);
  const size = n / 1000 ** power;
  return `${size.toLocaleString(language, { maximumFractionDigits: power && size < 10 ? 1 : 0 })} ${UNITS[power]}`;
}

/** Seconds, as precise as anybody asks of so long a time. */
export function duration(seconds) {
  if (seconds < 0.1) return t("figures.seconds", "< 0.1");
  if (seconds < 10) return t("figures.seconds", seconds.toLocaleString(language, { maximumFractionDigits: 1 }));
  const [minutes, rest] = [Math.floor(seconds / 60), Math.floor(seconds % 60)];
  if (minutes < 1) return t("figures.seconds", rest);
  if (minutes < 60) return t("figures.minutes", minutes, rest);
  return t("figures.hours", Math.floor(minutes / 60), minutes % 60);
}

/** A moment; the API gives seconds since 1970. */
export function moment(at) {
  const date = new Date(at * 1000);
  const text = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(date);
  return el("time", { datetime: date.toISOString() }, text);
}
