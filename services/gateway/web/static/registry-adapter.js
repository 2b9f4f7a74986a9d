// One adapter: where it serves, what its gate says, what it was made of; unfolded its files, card and report.
import { call } from "./api.js";
import { el, refill } from "./dom.js";
import { bytes, count, moment, number } from "./figures.js";
import { named, t } from "./i18n.js";
import { guard } from "./operator.js";
import { figuresList, wordFor } from "./pipeline-figures.js";
import { showCard, showReport } from "./registry-report.js";

/** {node, update(item)}. */
export function adapterCard({ id, kind }) {
  const badges = el("span", { class: "badges" });
  const facts = el("span", { class: "where" });
  const why = el("div", { class: "why" });
  const more = el("div", { class: "more" });
  const problem = el("div", { role: "alert" });
  const summary = el("summary", {}, el("h3", {}, el("code", {}, id)), " ", badges, facts);
  const node = el("details", { class: "card adapter" }, summary, why, more, problem);
  let item = null;
  let read = null; // what was read in full
  node.addEventListener("toggle", () => node.open && show());
  return { node, update };

  function update(newer) {
    if (JSON.stringify(newer) === JSON.stringify(item)) return;
    item = newer;
    read = null;
    badges.replaceChildren(...badgesOf(item));
    facts.replaceChildren(...factsOf(item));
    refill(why, [item.broken, item.gate], () => whyOf(item));
    if (node.open) show();
  }

  async function show() {
    if (item.broken !== "gone" && !read) {
      const path = [kind, id].map(encodeURIComponent).join("/");
      await guard(async () => (read = await call(`/api/v1/adapters/${path}`)), problem);
    }
    more.replaceChildren(...wholeOf(read ?? item));
  }
}

function badgesOf({ serves, gate, broken }) {
  const found = serves.map((arm) => badge(`arm-${arm}`, t("registry.serves", named("arms", arm))));
  if (broken) return [...found, badge("state-failed", t("registry.broken"))];
  const state = { true: ["state-done", "passed"], false: ["state-failed", "failed"] }[gate?.passed];
  const [style, text] = state ?? ["state-queued", "unjudged"];
  return [...found, badge(style, t(`registry.gate.${text}`))];
}

function badge(style, text) {
  return el("span", { class: `badge ${style}` }, text);
}

function factsOf({ made_at: at, gate, data, base, kind }) {
  const gain = gainText(kind, gate);
  const learnt = learntText(data);
  return [
    at ? moment(at) : null,
    gain ? el("span", {}, gain) : null,
    learnt ? el("span", {}, learnt) : null,
    kind === "lora" && base?.id ? el("span", {}, String(base.id)) : null,
    kind === "query" && base?.start ? el("span", {}, t("registry.on_top", String(base.start))) : null,
  ].filter(Boolean);
}

/** The mean gain with its interval, of the whole or of the part that says most. */
function gainText(kind, gate) {
  const found = [gate, gate?.leave_one_out].find((one) => typeof one?.gain === "number");
  if (!found) return "";
  const [low, high] = Array.isArray(found.interval) ? found.interval : [];
  const range = typeof high === "number" ? ` (${t("arm.interval", signed(low), signed(high))})` : "";
  return `${t(`registry.${kind}.gain`)} ${signed(found.gain)}${range}`;
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${number(Math.abs(value))}`;
}

function learntText(data) {
  const sets = Object.values(data).filter((one) => one && typeof one === "object");
  const total = (name) => sets.reduce((sum, one) => sum + (Number.isFinite(one[name]) ? one[name] : 0), 0);
  if (total("rows")) return t("pipeline.rows", total("rows"));
  return total("queries") ? t("registry.questions", count(total("queries"))) : "";
}

function whyOf({ broken, broken_detail: detail, gate }) {
  if (broken) return [el("p", { class: "strong" }, named("brokenReasons", broken)), detail ? el("p", {}, detail) : null].filter(Boolean);
  if (!gate) return [el("p", { class: "hint" }, t("registry.gate.unjudged.why"))];
  if (gate.passed || !gate.why_not.length) return [];
  return [el("p", { class: "strong" }, t("registry.why_not")), el("ul", {}, gate.why_not.map((one) => el("li", {}, String(one))))];
}

function wholeOf({ run, base, data, metrics, files, card, report }) {
  return [
    run || base ? figuresList({ ...(run && { run }), ...(base && { base }) }) : [],
    part("registry.data", dataList(data)),
    part("registry.metrics", figuresList(metrics)),
    part("registry.report", report ? showReport(report) : []),
    part("registry.card", card ? showCard(card) : []),
    part("registry.files", fileList(files)),
  ].flat();
}

/** A heading with what stands below it, folded; nothing where there is nothing. */
function part(title, nodes) {
  return nodes.length ? [el("details", {}, el("summary", {}, t(title)), ...nodes)] : [];
}

function dataList(data) {
  const items = Object.entries(data).map(([name, one]) => {
    const figures = Object.entries(one ?? {}).filter(([, value]) => typeof value === "number");
    const texts = figures.map(([key, n]) => (key === "rows" ? t("pipeline.rows", n) : `${wordFor(key)} ${count(n)}`));
    const sha = typeof one?.sha256 === "string" ? one.sha256 : "";
    return el("li", {}, el("span", {}, name), texts.map((text) => el("span", {}, text)), sha ? shortSha(sha) : null);
  });
  return items.length ? [el("ul", { class: "rows files" }, items)] : [];
}

function shortSha(sha) {
  return el("code", { title: `sha256 ${sha}` }, `${sha.slice(0, 12)}…`);
}

function fileList(files) {
  const items = files.map(({ name, bytes: size }) => el("li", {}, el("span", {}, name), el("span", {}, bytes(size))));
  return items.length ? [el("ul", { class: "rows files" }, items)] : [];
}
