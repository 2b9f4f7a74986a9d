// Two adapters side by side: what each ranks first, or what each answers.
import { el, outLink } from "./dom.js";
import { count, milliseconds, NONE, number, percent } from "./figures.js";
import { t } from "./i18n.js";

const FIRST = 5;

/** The search's: questions whose first tools differ, then the others, folded. */
export function rankingsPart(found) {
  if (!found) return [];
  const { a, b, changed, questions } = found;
  const rows = (some) => some.map((one) => rankedQuestion(one, a, b));
  const same = questions.filter((one) => !one.changed);
  return [
    el("h3", {}, t("registry.result", nameOf("query", a), nameOf("query", b))),
    el("p", {}, t("registry.changed", count(changed), count(questions.length))),
    ...rows(questions.filter((one) => one.changed)),
    same.length ? el("details", {}, el("summary", {}, t("registry.unchanged", count(same.length))), ...rows(same)) : null,
  ].filter(Boolean);
}

function nameOf(kind, id) {
  return id ?? t(`registry.${kind}.none`);
}

function rankedQuestion({ question, no_match: noMatch, a, b }, first, second) {
  return questionPart(question, noMatch, [
    sidePart(nameOf("query", first), [ranking(a, leaves)]),
    sidePart(nameOf("query", second), [ranking(b, moved)]),
  ]);
}

function questionPart(question, noMatch, sides) {
  const hint = noMatch ? el("p", { class: "hint" }, t("registry.no_match")) : null;
  return el("article", { class: "card asked" }, el("h4", {}, question), hint, el("div", { class: "sides" }, sides));
}

function sidePart(title, nodes) {
  return el("section", {}, el("h5", {}, title), nodes);
}

function ranking(tools, mark) {
  if (!tools.length) return el("p", { class: "hint" }, t("registry.nothing_found"));
  return el("ol", {}, tools.map((tool) => el("li", {}, outLink(tool.url, tool.name), " ", mark(tool))));
}

/** Of the second ranking: where a tool came from. */
function moved({ place, other }) {
  if (other === place) return null;
  if (other === null) return moveMark("new", t("registry.new"));
  const text = t(other > place ? "registry.up" : "registry.down", Math.abs(other - place));
  return moveMark(other > place ? "up" : "down", text);
}

/** Of the first: what the second no longer shows. */
function leaves({ other }) {
  return other !== null && other <= FIRST ? null : moveMark("down", t("registry.leaves"));
}

function moveMark(way, text) {
  const arrow = { up: "▲", down: "▼", new: "✱" }[way];
  return el("span", { class: `move ${way}` }, el("span", { "aria-hidden": "true" }, `${arrow} `), text);
}

/** The language model's: figures of both, then each question with both answers. */
export function answersPart({ steps: [step] }, rows) {
  const { a, b } = step.figures;
  const names = [a, b].map(({ adapter }) => (adapter === "base" ? t("registry.lora.none") : adapter));
  return [
    el("h3", {}, t("registry.result", ...names)),
    figuresTable(names, a, b),
    ...rows.map((row) => answered(row, names)),
  ];
}

function figuresTable(names, a, b) {
  const shown = { grounded: percent, support: (n) => (n === null ? NONE : percent(n)), refused: percent, first_token_ms: milliseconds };
  const head = el("tr", {}, el("td"), names.map((name) => el("th", { scope: "col" }, name)));
  const body = Object.entries(shown).map(([name, show]) => {
    const cells = [a, b].map((side) => el("td", {}, show(side[name])));
    return el("tr", {}, el("th", { scope: "row" }, t(`registry.figure.${name}`)), cells);
  });
  return el("table", { class: "both" }, el("thead", {}, head), el("tbody", {}, body));
}

function answered({ question, no_match: noMatch, a, b }, names) {
  const sides = [a, b].map((answer, n) => sidePart(names[n], answerNodes(answer)));
  return questionPart(question, noMatch, sides);
}

function answerNodes(answer) {
  const { said, text, citations, grounded, refused, support, dropped, first_token_ms: first } = answer;
  const state = !said ? "failed" : refused ? "refused" : grounded ? "grounded" : "ungrounded";
  const style = { grounded: "state-done", refused: "state-queued" }[state] ?? "state-failed";
  return [
    el("p", {}, el("span", { class: `badge ${style}` }, t(`registry.answer.${state}`))),
    el(grounded || refused ? "p" : "blockquote", { class: "text" }, text || said || NONE),
    citations.length ? el("ul", { class: "cited" }, citations.map(citation)) : null,
    el("p", { class: "where" }, factsOf(support, dropped, first).map((fact) => el("span", {}, fact))),
  ];
}

function citation({ n, tool, passage }) {
  return el("li", {}, el("b", {}, `[${n}] ${tool}: `), passage);
}

function factsOf(support, dropped, first) {
  return [
    support === null ? "" : t("registry.support", number(support)),
    dropped ? t("registry.dropped", dropped) : "",
    first === null ? "" : t("registry.first", milliseconds(first)),
  ].filter(Boolean);
}
