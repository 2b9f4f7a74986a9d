// Figures and times as people write them in the page's language.
import { el } from "./dom.js";
import { language, t } from "./i18n.js";

export const NONE = "–";

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

/** A moment; the API gives seconds since 1970. */
export function moment(at) {
  const date = new Date(at * 1000);
  const text = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(date);
  return el("time", { datetime: date.toISOString() }, text);
}
