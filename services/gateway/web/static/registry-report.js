// A gate's report and an adapter's card, as people read them: tables where the same is said of several things.
import { el } from "./dom.js";
import { t } from "./i18n.js";
import { figuresList, showValue, wordFor } from "./pipeline-figures.js";

/** Plain values first, then what holds others; deeper parts under headings of their own. */
export function showReport(report) {
  const entries = Object.entries(report).filter(([, value]) => value !== null);
  const plain = entries.filter(([, value]) => !isObject(value));
  const nested = entries.filter(([, value]) => isObject(value) && Object.keys(value).length);
  return [
    ...figuresList(Object.fromEntries(plain)),
    ...nested.flatMap(([name, value]) => [el("h4", {}, wordFor(name)), ...showNested(name, value)]),
  ];
}

function showNested(name, value) {
  if (isTable(value)) return [table(value)];
  return Object.values(value).some(isObject) ? showReport(value) : figuresList(value);
}

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The same figures of several things, one a row. */
function isTable(value) {
  const rows = Object.values(value);
  const flat = rows.every((row) => isObject(row) && !Object.values(row).some(isObject));
  return flat && rows.every((row) => Object.keys(row).join() === Object.keys(rows[0]).join());
}

function table(rows) {
  const columns = Object.keys(Object.values(rows)[0]);
  const head = el("tr", {}, el("td"), columns.map((name) => el("th", { scope: "col" }, wordFor(name))));
  const body = Object.entries(rows).map(([name, row]) => {
    const cells = columns.map((column) => el("td", {}, showValue(column, row[column])));
    return el("tr", {}, el("th", { scope: "row" }, wordFor(name)), cells);
  });
  return scrolling(el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

/** Wider than a phone: it is moved by itself, also by keys. */
function scrolling(wide) {
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": t("registry.table") }, wide);
}

/** The card's headings, lists and tables; all else is text as it stands there. */
export function showCard(text) {
  return text.split(/\n{2,}/).filter((block) => block.trim()).map(showBlock);
}

function showBlock(block) {
  const lines = block.trim().split("\n");
  if (lines[0].startsWith("#")) return el("h4", {}, inline(lines.join(" ").replace(/^#+\s*/, "")));
  if (lines.every((line) => line.startsWith("|"))) return cardTable(lines);
  if (lines[0].startsWith("- ")) return el("ul", { class: "points" }, listItems(lines));
  return el("p", {}, inline(lines.join(" ")));
}

function listItems(lines) {
  const items = [];
  for (const line of lines) {
    if (line.startsWith("- ")) items.push(line.slice(2));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return items.map((item) => el("li", {}, inline(item)));
}

function cardTable(lines) {
  const rows = lines.filter((line) => !/^[|\s:-]+$/.test(line)).map((line) => line.split("|").slice(1, -1));
  const [head, ...body] = rows;
  const cells = (tag, row) => row.map((cell) => el(tag, {}, inline(cell.trim())));
  const thead = el("thead", {}, el("tr", {}, cells("th", head)));
  return scrolling(el("table", {}, thead, el("tbody", {}, body.map((row) => el("tr", {}, cells("td", row))))));
}

function inline(text) {
  return text.split(/`([^`]+)`/).map((part, n) => (n % 2 ? el("code", {}, part) : part));
}
