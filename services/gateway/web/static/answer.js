// The answer above the results: while it is written, when it is checked, or where it was cut off.
import { el } from "./dom.js";
import { milliseconds, percent } from "./figures.js";
import { named, t } from "./i18n.js";
import { thumbs } from "./rate.js";
import { showPassage } from "./results.js";

/** Room for an answer that is being written, and a function that shows the text so far, unchecked as it is. */
export function fillWriting(section) {
  const text = el("p", { class: "line draft" });
  const from = el("span", { class: "from" }, t("answer.unchecked"));
  const dots = el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
  section.replaceChildren(head(from), text, el("p", { class: "asks" }, dots, t("answer.writing")));
  section.setAttribute("aria-busy", "true");
  return (soFar) => {
    text.textContent = soFar;
  };
}

/** What had come when the stream broke, said to be that, and a way to ask for the answer again. */
export function fillCut(section, soFar, again) {
  const from = el("span", { class: "from" }, t("answer.unchecked"));
  const button = el("button", { type: "button", class: "quiet", onclick: again }, t("problem.again"));
  section.replaceChildren(
    head(from),
    soFar ? el("p", { class: "line draft" }, soFar) : "",
    el("div", { class: "asks" }, el("span", {}, t("answer.cut")), button),
  );
  section.removeAttribute("aria-busy");
}

/** What answers the question, each statement with its passage. `timings` are what the stream's end said, or null. */
export function fillAnswer(section, page, timings) {
  const { answer, results, search_id: searchId } = page;
  const extractive = answer.source === "extractive";
  const from = extractive ? t("answer.extractive") : t("answer.model", answer.model ?? answer.source);
  const names = new Map(results.map((result) => [result.tool_id, result.name]));
  const cited = new Map(answer.citations.map((citation) => [citation.n, citation]));
  const lines = answer.text.split("\n").filter((line) => line.trim());
  section.replaceChildren(
    head(el("span", { class: "from" }, from)),
    ...lines.map((line) => answerLine(line, cited, names, extractive)),
    answer.grounded ? "" : el("p", { class: "hint" }, t("answer.ungrounded")),
    el("div", { class: "asks" }, el("span", {}, t("rate.answer")), thumbs(searchId, t("answer.title"))),
    about(page, timings),
  );
  section.removeAttribute("aria-busy");
}

function head(from) {
  return el("div", { class: "head" }, el("h2", {}, t("answer.title")), from);
}

function answerLine(line, cited, names, extractive) {
  const paragraph = el("p", { class: "line" });
  // A quoted sentence may itself hold a [1]; ours stands at the end.
  const pattern = extractive ? /(\s*\[\d{1,3}\])(?=\s*$)/ : /(\s*\[\d{1,3}\])/;
  for (const part of line.split(pattern)) {
    const citation = cited.get(Number(part.match(/^\s*\[(\d+)\]$/)?.[1]));
    if (!citation) paragraph.append(...withName(part, paragraph.hasChildNodes() ? [] : names.values()));
    else paragraph.append(" ", citeButton(citation, names.get(citation.tool_id) ?? ""));
  }
  return paragraph;
}

function withName(text, names) {
  for (const name of names) {
    if (name && text.startsWith(`${name}: `)) return [el("strong", {}, name), text.slice(name.length)];
  }
  return [text];
}

function citeButton({ n, chunk_id: chunkId, tool_id: toolId }, name) {
  const label = t("answer.cite", n, name);
  const onclick = () => showPassage(chunkId, toolId);
  return el("button", { type: "button", class: "cite", "aria-label": label, title: label, onclick }, `[${n}]`);
}

/** How the answer came about, for those who want to know. */
export function about(page, timings) {
  const { answer } = page;
  const extractive = answer.source === "extractive";
  const facts = {
    source: named("sources", answer.source),
    reason: answer.reason && named("why", answer.reason),
    model: answer.model,
    group: named("arms", page.group),
    experiment: page.experiment,
    support: known(answer.support, percent),
    dropped: extractive && !answer.dropped ? null : answer.dropped,
    first_token: known(timings?.first_token, milliseconds),
    total: known((timings ?? page.timings_ms)?.total, milliseconds),
    search_id: page.search_id,
  };
  const given = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined);
  const rows = given.map(([name, value]) => [el("dt", {}, t(`about.${name}`)), el("dd", {}, String(value))]);
  return el("details", { class: "about" }, el("summary", {}, t("about.title")), el("dl", {}, rows.flat()));
}

function known(value, show) {
  return typeof value === "number" ? show(value) : null;
}
