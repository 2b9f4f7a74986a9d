// What starts a run: all steps or one of them, with what chance is drawn from and where the ratings come from.
import { el } from "./dom.js";
import { count, moment } from "./figures.js";
import { named, t } from "./i18n.js";
import { field, tell } from "./operator.js";
import { stepAbout, stepName } from "./pipeline-step.js";

const SOURCES = ["catalogue", "elasticsearch"];
const chosen = { seed: "0", source: SOURCES[0], crawl: false }; // stays when the language changes

/** {node, update(busy)}; `start(body, problem)` is told what to run, and where to show why it does not. */
export function startForm({ steps, queue, next }, start) {
  const problem = el("div", { role: "alert" });
  const busyHint = el("p", { class: "hint", hidden: true }, t("pipeline.busy"));
  const all = el("button", { type: "submit" }, t("pipeline.start"));
  const single = steps.map((name) => stepRow(name, () => send([name])));
  const node = el(
    "form",
    { class: "card steer start", onsubmit: submit },
    el("div", { class: "choice" }, el("p", {}, t("pipeline.start.about")), all),
    queue ? null : el("p", { class: "hint" }, t("pipeline.no_queue")),
    el("p", { class: "hint" }, nextStart(next)),
    busyHint,
    el("details", {}, el("summary", {}, t("pipeline.single")), el("ul", { class: "singles" }, single)),
    options(),
    problem,
  );
  return { node, update };

  function update(busy) {
    busyHint.hidden = !busy;
    disable(busy);
  }

  function disable(busy) {
    for (const button of node.querySelectorAll("button")) button.setAttribute("aria-disabled", String(busy));
  }

  function submit(event) {
    event.preventDefault();
    send();
  }

  async function send(names) {
    if (all.getAttribute("aria-disabled") === "true") {
      if (!busyHint.hidden) tell(t("pipeline.busy"));
      return;
    }
    if (!node.reportValidity()) return;
    disable(true);
    const kind = chosen.crawl && !names ? "full" : "train";
    await start({ kind, seed: Number(chosen.seed), source: chosen.source, ...(names && { steps: names }) }, problem);
  }
}

/** When a run starts by itself, as far as that is known. */
function nextStart(next) {
  if (!next.ratings) return t("pipeline.next.unrated");
  const enough = next.of ? t("pipeline.next.ratings", count(next.ratings), count(next.of)) : null;
  if (!enough && !next.at) return t("pipeline.next.never");
  const when = next.at ? [t("pipeline.next.at"), " ", moment(next.at)] : [];
  return [t("pipeline.next"), " ", ...when, next.at && enough ? `, ${t("pipeline.next.or")} ` : "", enough, "."];
}

function stepRow(name, run) {
  const props = { type: "button", class: "quiet", "aria-label": t("pipeline.run_one", stepName(name)), onclick: run };
  const about = [el("p", { class: "strong" }, stepName(name)), el("p", { class: "hint" }, stepAbout(name))];
  return el("li", { class: "choice" }, el("div", {}, about), el("button", props, t("pipeline.run")));
}

function options() {
  const limits = { min: 0, max: 2 ** 31 - 1, step: 1, required: true, inputmode: "numeric" };
  const seed = el("input", { type: "number", value: chosen.seed, ...limits });
  seed.addEventListener("input", () => (chosen.seed = seed.value));
  const choices = SOURCES.map((name) => {
    return el("option", { value: name, selected: name === chosen.source }, named("ratingSources", name));
  });
  const source = el("select", { onchange: () => (chosen.source = source.value) }, choices);
  const crawl = el("input", { type: "checkbox", checked: chosen.crawl });
  crawl.addEventListener("change", () => (chosen.crawl = crawl.checked));
  const node = el(
    "details",
    {},
    el("summary", {}, t("pipeline.options")),
    el("div", { class: "fields" }, field(t("pipeline.source"), source), field(t("pipeline.seed"), seed)),
    el("label", { class: "check" }, crawl, " ", t("pipeline.crawl")),
  );
  // A field that is refused must be seen.
  seed.addEventListener("invalid", () => (node.open = true));
  return node;
}
