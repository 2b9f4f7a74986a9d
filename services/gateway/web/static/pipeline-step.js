// One step of a run: how far it is, what came of it, what it left out and why, and its files.
import { el, refill } from "./dom.js";
import { bytes, count, duration } from "./figures.js";
import { named, t } from "./i18n.js";
import { figuresList } from "./pipeline-figures.js";

/** What a step is called; one without words here is shown by its own name. */
export function stepName(name) {
  const known = named("trainSteps", name);
  return Array.isArray(known) ? known[0] : name;
}

/** A sentence on what a step does. */
export function stepAbout(name) {
  const known = named("trainSteps", name);
  return Array.isArray(known) ? known[1] : "";
}

/** {node, update(step)}. */
export function stepItem(runId, { name }) {
  const parts = {
    badge: el("span"),
    took: el("span", { class: "where" }),
    progress: progressBar(),
    why: el("div", { class: "why" }),
    figures: el("div"),
    drops: el("div"),
    files: el("div"),
  };
  const head = el("div", { class: "head" }, el("h3", {}, stepName(name)), parts.took, parts.badge);
  const node = el("li", {}, head, parts.progress.node, parts.why, parts.figures, parts.drops, parts.files);
  return { node, update: (step) => update(parts, runId, step) };
}

function update(parts, runId, step) {
  const { badge, took, progress, why, figures, drops, files } = parts;
  badge.className = `badge state-${step.state}`;
  badge.textContent = t(`state.${step.state}`);
  took.textContent = [attempt(step), tookOf(step)].filter(Boolean).join(" · ");
  progress.update(step);
  refill(why, [step.state, step.reason, step.detail], () => reason(step));
  refill(figures, step.figures, () => figuresList(step.figures));
  refill(drops, step.drops, () => dropList(step.drops));
  refill(files, step.artefacts, () => fileList(runId, step));
}

function attempt({ tries }) {
  return tries > 1 ? t("pipeline.attempt", tries) : "";
}

function tookOf({ started_at: started, ended_at: ended }) {
  return started && ended ? duration(ended - started) : "";
}

function progressBar() {
  const text = el("span");
  const bar = el("progress");
  const node = el("label", { class: "progress", hidden: true }, text, bar);
  return { node, update };

  function update({ state, doing, done, total }) {
    node.hidden = state !== "running";
    if (node.hidden) return;
    text.textContent = progressText(doing, done, total);
    bar.max = total || 1;
    if (total && done !== null) bar.value = done;
    else bar.removeAttribute("value");
  }
}

function progressText(doing, done, total) {
  const what = doing ? activity(doing) : t("pipeline.at_work");
  if (done === null) return what;
  return total ? t("pipeline.of", what, count(done), count(total)) : t("pipeline.so_far", what, count(done));
}

/** What a step says that it does, in the page's language where there are words for it: "measuring", "measuring X". */
function activity(doing) {
  const whole = named("doing", doing);
  if (whole !== doing) return whole;
  const cut = doing.lastIndexOf(" ");
  const known = cut > 0 ? named("doing", `${doing.slice(0, cut)} …`) : null;
  return typeof known === "function" ? known(doing.slice(cut + 1)) : doing;
}

function reason({ state, reason: code, detail }) {
  if (!code) return [];
  const before = code.endsWith("_failed") ? code.slice(0, -"_failed".length) : "";
  const text = before ? t("pipeline.after", stepName(before)) : named("stepReasons", code);
  return [el("p", { class: state === "failed" ? "strong" : "hint" }, text), detail ? el("p", {}, detail) : null].filter(Boolean);
}

function dropList(drops) {
  const rows = Object.entries(drops).sort(([, a], [, b]) => b - a);
  if (!rows.length) return [];
  const all = rows.reduce((sum, [, n]) => sum + n, 0);
  const items = rows.map(([code, n]) => el("li", {}, el("span", {}, named("drops", code)), el("b", {}, count(n))));
  return [el("details", {}, el("summary", {}, t("pipeline.drops", count(all))), el("ul", { class: "drops" }, items))];
}

function fileList(runId, { name, artefacts }) {
  if (!artefacts.length) return [];
  const sorted = [...artefacts].sort((a, b) => a.name.localeCompare(b.name));
  const items = sorted.map((file) => fileRow(runId, name, file));
  const title = t("pipeline.files", artefacts.length);
  return [el("details", {}, el("summary", {}, title), el("ul", { class: "rows files" }, items))];
}

function fileRow(runId, step, { name, rows, bytes: size, sha256, there }) {
  const path = ["runs", runId, "artefacts", step, name].map(encodeURIComponent).join("/");
  const link = el("a", { href: `/api/v1/pipeline/${path}`, "aria-label": t("pipeline.download", name) }, name);
  return el(
    "li",
    {},
    there === false ? el("span", {}, name) : link,
    there === false ? el("span", { class: "badge state-failed" }, t("pipeline.gone")) : null,
    rows === null ? null : el("span", {}, t("pipeline.rows", rows)),
    el("span", {}, bytes(size)),
    el("code", { title: `sha256 ${sha256}` }, `${sha256.slice(0, 12)}…`),
  );
}
