// One run: who asked for it and when, how far it is, and its steps.
import { el, refill } from "./dom.js";
import { duration, moment } from "./figures.js";
import { named, t } from "./i18n.js";
import { confirmed } from "./operator.js";
import { showValue, wordFor } from "./pipeline-figures.js";
import { stepItem, stepName } from "./pipeline-step.js";

const OPEN = ["queued", "running"];

export function isOpen({ state }) {
  return OPEN.includes(state);
}

/** All steps, one, or how many: what a run is called. */
export function runName({ steps }, all) {
  if (steps.length === all.length) return t("pipeline.whole");
  return steps.length === 1 ? stepName(steps[0].name) : t("pipeline.some", steps.length);
}

/** {node, problem, update(run), focus()}; folded unless `unfolded`; `cancel` is called when it was confirmed. */
export function runCard(run, all, unfolded, cancel) {
  const badge = el("span");
  const facts = el("span", { class: "where" });
  const asked = el("p", { class: "where" }, asking(run));
  const waits = el("p", { class: "notice", hidden: true });
  const stop = el("button", { type: "button", class: "quiet", onclick: ask }, t("pipeline.cancel"));
  const stopping = el("p", { class: "hint", hidden: true }, t("pipeline.stopping"));
  const problem = el("div", { role: "alert" });
  const steps = run.steps.map((step) => stepItem(run.id, step));
  const title = el("h2", {}, runName(run, all), " ", el("code", {}, run.id));
  const summary = el("summary", {}, title, " ", badge, facts);
  const list = el("ol", { class: "steps" }, steps.map(({ node }) => node));
  const parts = [summary, asked, waits, list, stopping, stop, problem];
  const node = el("details", { class: "card run", open: unfolded }, parts);
  return { node, problem, update, focus: () => summary.focus() };

  function update(newer) {
    badge.className = `badge state-${newer.state}`;
    badge.textContent = t(`state.${newer.state}`);
    const took = tookOf(newer);
    const who = t("pipeline.asked_by", named("askers", newer.asked_by));
    refill(facts, [newer.created_at, took], () => [moment(newer.created_at), span(took), span(who)]);
    newer.steps.forEach((step, n) => steps[n].update(step));
    waits.hidden = !newer.waits_for;
    refill(waits, newer.waits_for, () => [t("pipeline.waits"), " ", el("code", {}, newer.waits_for ?? "")]);
    stop.hidden = !isOpen(newer) || Boolean(newer.cancel_at);
    stopping.hidden = !isOpen(newer) || !newer.cancel_at;
  }

  async function ask() {
    const texts = [t("pipeline.cancel.title", run.id), t("pipeline.cancel.text"), t("pipeline.cancel")];
    if (await confirmed(...texts)) cancel();
  }
}

function span(text) {
  return el("span", {}, text);
}

/** What was asked for. */
function asking({ seed, options }) {
  const { source, ...others } = options;
  return [
    source ? span(t("pipeline.from", named("ratingSources", source))) : null,
    span(t("pipeline.drawn", seed)),
    ...Object.entries(others).map(([name, value]) => el("span", {}, `${wordFor(name)} `, showValue(name, value))),
  ];
}

function tookOf(run) {
  if (run.ended_at) return t("pipeline.took", duration(run.ended_at - run.created_at));
  return t("pipeline.since", duration(Math.max(0, Math.floor(Date.now() / 1000 - run.created_at))));
}
