// What starts a run: all steps or one of them, with what chance is drawn from and where the ratings come from.
import { el } from "./dom.js";
import { named, t } from "./i18n.js";
import { field, tell } from "./operator.js";
import { stepAbout, stepName } from "./pipeline-step.js";

const SOURCES = ["catalogue", "elasticsearch"];
const chosen = { seed: "0", source: SOURCES[0] }; // stays when the language changes

/** {node, update(busy)}; `start(body, problem)` is told what to run, and where to show why it does not. */
export function startForm({ steps, queue }, start) {
  const problem = el("div", { role: "alert" });
  const busyHint = el("p", { class: "hint", hidden: true }, t("pipeline.busy"));
  const all = el("button", { type: "submit" }, t("pipeline.start"));
  const single = steps.map((name) => stepRow(name, () => send([name])));
  const node = el(
    "form",
    { class: "card steer start", onsubmit: submit },
    el("div", { class: "choice" }, el("p", {}, t("pipeline.start.about")), all),
    queue ? null : el("p", { class: "hint" }, t("pipeline.no_queue")),
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
    await start({ seed: Number(chosen.seed), source: chosen.source, ...(names && { steps: names }) }, problem);
  }
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
  const node = el(
    "details",
    {},
    el("summary", {}, t("pipeline.options")),
    el("div", { class: "fields" }, field(t("pipeline.source"), source), field(t("pipeline.seed"), seed)),
  );
  // A field that is refused must be seen.
  seed.addEventListener("invalid", () => (node.open = true));
  return node;
}
