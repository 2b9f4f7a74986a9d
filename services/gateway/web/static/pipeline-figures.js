// What a step counted and measured, whatever it is: names and values that people can read.
import { el } from "./dom.js";
import { duration, milliseconds, NONE, number } from "./figures.js";
import { named, t } from "./i18n.js";

/** A list of names and values; nothing where there are none. */
export function figuresList(figures) {
  const rows = Object.entries(figures)
    .filter(([, value]) => !isEmpty(value))
    .map(([name, value]) => [el("dt", {}, capital(wordFor(name))), el("dd", {}, showValue(name, value))]);
  return rows.length ? [el("dl", { class: "counts" }, rows.flat())] : [];
}

/** A figure's name in words; one without words here is its own name with spaces. */
export function wordFor(name) {
  const known = named("figureNames", name);
  return known === name ? name.replaceAll("_", " ") : known;
}

/** A text, or a list where the value holds others. */
export function showValue(name, value) {
  if (value === null || value === undefined) return NONE;
  if (Array.isArray(value)) return showArray(name, value);
  if (typeof value === "object") return showTable(value);
  if (typeof value === "boolean") return t(value ? "figures.yes" : "figures.no");
  if (typeof value !== "number") return String(named("figureValues", value));
  if (name.endsWith("_ms")) return milliseconds(value);
  return name.endsWith("_s") ? duration(value) : number(value);
}

function showArray(name, values) {
  if (name.endsWith("interval") && values.length === 2) return t("arm.interval", ...values.map(number));
  if (values.some((one) => one !== null && typeof one === "object")) {
    return el("ul", {}, values.map((one) => el("li", {}, showValue(name, one))));
  }
  return values.map((one) => showValue(name, one)).join("; ") || NONE;
}

function showTable(table) {
  const items = Object.entries(table).map(([name, value]) => {
    return el("li", {}, `${wordFor(name)} `, el("b", {}, showValue(name, value)));
  });
  return items.length ? el("ul", { class: "inline" }, items) : NONE;
}

/** No reasons, no kinds: what says nothing. */
function isEmpty(value) {
  return value !== null && typeof value === "object" && !Object.keys(value).length;
}

function capital(text) {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
