// A tool that was found, with the passages that speak for it.
import { call } from "./api.js";
import { el, outLink, readable, webUrl } from "./dom.js";
import { named, t } from "./i18n.js";
import { excerpt, marked } from "./marks.js";
import { thumbs } from "./rate.js";

// What fits about three lines of the column.
const LONG = 260;
const HIGHLIGHTS = 3;

/** One result; `position` counts from 0 over all pages of the results. */
export function resultCard(result, searchId, position, pattern) {
  const opened = (event) => event.button <= 1 && noteClick(searchId, result.tool_id, position);
  const name = result.name || readable(result.url);
  const link = outLink(result.url, name, { onclick: opened, onauxclick: opened });
  const badges = [badge("categories", result.category), badge("pricings", result.pricing)].filter(Boolean);
  const passages = result.highlights.slice(0, HIGHLIGHTS).map((passage) => passageBlock(passage, pattern));
  return el(
    "article",
    { class: "card", id: `tool-${result.tool_id}`, tabindex: "-1" },
    el("div", { class: "head" }, el("h3", {}, link), thumbs(searchId, name, result.tool_id)),
    el("p", { class: "where" }, el("bdi", {}, webUrl(result.url)?.host ?? result.url), badges),
    result.summary ? el("p", { class: "summary" }, result.summary) : null,
    passages.length ? el("ul", { class: "passages" }, passages) : null,
  );
}

function badge(table, value) {
  return value ? el("span", { class: `badge ${table}` }, named(table, value)) : null;
}

function noteClick(searchId, toolId, position) {
  const body = { search_id: searchId, tool_id: toolId, position };
  call("/api/v1/click", { body, keepalive: true }).catch(() => {}); // nobody waits for this
}

function passageBlock(passage, pattern) {
  const id = `passage-${passage.chunk_id}`;
  const source = el("p", { class: "source" }, outLink(passage.url, el("bdi", {}, readable(passage.url))));
  const text = String(passage.text).trim();
  if (text.length <= LONG && text.split("\n").length <= 3) {
    return el("li", { id, tabindex: "-1" }, el("p", { class: "text" }, marked(text, pattern)), source);
  }
  const short = excerpt(text.replace(/\s+/g, " "), pattern, LONG - 40);
  const summary = el(
    "summary",
    {},
    el("span", { class: "short" }, marked(short, pattern)),
    " ",
    el("span", { class: "turn open" }, t("passage.all")),
    el("span", { class: "turn close" }, t("passage.less")),
  );
  const whole = el("p", { class: "text" }, marked(text, pattern));
  return el("li", { id, tabindex: "-1" }, el("details", {}, summary, whole), source);
}

/** Brings a passage before the reader's eyes: opened, marked and focused. Without it, its tool. */
export function showPassage(chunkId, toolId) {
  const target = document.getElementById(`passage-${chunkId}`) ?? document.getElementById(`tool-${toolId}`);
  if (!target) return;
  for (const other of document.querySelectorAll(".cited")) other.classList.remove("cited");
  const details = target.querySelector("details");
  if (details && target.id.startsWith("passage-")) details.open = true;
  target.classList.add("cited");
  target.focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
}
