// One experiment: what its arms are, how they do, who steered it and how it is steered.
import { call } from "./api.js";
import { armsTable } from "./arms.js";
import { el, refill } from "./dom.js";
import { moment, percent } from "./figures.js";
import { named, t } from "./i18n.js";
import { confirmed, field, guard, tell } from "./operator.js";
import { testersPart } from "./testers.js";

/** {node, update(item)}. The current one can be steered, an earlier one is folded. */
export function experimentCard(item, current, refresh) {
  const parts = {
    badge: el("span"),
    facts: el("p", { class: "where" }),
    figures: el("div", { class: "figures" }),
    history: el("div"),
    steer: current ? steerForm(item, refresh) : null,
    testers: current ? testersPart(item, refresh) : null,
  };
  const title = el("h2", {}, t("experiment.title"), " ", el("code", {}, item.id));
  const node = current
    ? el("section", { class: "card experiment" }, el("div", { class: "head" }, title, parts.badge), ...body(parts))
    : el("details", { class: "card earlier" }, el("summary", {}, title, " ", parts.badge), ...body(parts));
  return { node, update: (newer) => update(parts, newer) };
}

function body({ facts, figures, history, steer, testers }) {
  return [facts, figures, steer?.node, testers?.node, history].filter(Boolean);
}

function update(parts, item) {
  parts.badge.className = `badge state-${item.state}`;
  parts.badge.textContent = named("states", item.state);
  refill(parts.facts, [item.share, item.stage, item.created_at, item.changed_at], () => facts(item));
  refill(parts.figures, [item.arms, item.live], () => armsTable(item));
  refill(parts.history, item.history, () => history(item.history));
  parts.steer?.update(item);
  parts.testers?.update(item);
}

function facts({ share, stage, created_at: created, changed_at: changed }) {
  return [
    el("span", {}, t("experiment.share", percent(share))),
    el("span", {}, t("experiment.stage", stage)),
    el("span", {}, t("experiment.created"), " ", moment(created)),
    el("span", {}, t("experiment.changed"), " ", moment(changed)),
  ];
}

function history(changes) {
  if (!changes.length) return [];
  const rows = changes.map(({ at, change, share, note }) => {
    const what = el("strong", {}, named("changes", change));
    return el("li", {}, moment(at), what, percent(share), note ? el("q", {}, note) : null);
  });
  return [el("h3", {}, t("experiment.history")), el("ul", { class: "rows" }, rows)];
}

// Steering.

const ACTIONS = {
  running: ["pause", "promote", "rollback"],
  paused: ["resume", "promote", "rollback"],
  promoted: ["rollback"],
  rolled_back: [],
};

function steerForm(item, refresh) {
  const slider = el("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": t("experiment.slider") });
  const number = el("input", { type: "number", min: 0, max: 100, step: 1, required: true, inputmode: "numeric" });
  const note = el("input", { type: "text", maxlength: 500, autocomplete: "off" });
  const apply = el("button", { type: "submit" }, t("experiment.apply"));
  const noteField = field(t("experiment.note"), note);
  const ended = el("p", { class: "strong", tabindex: "-1", hidden: true });
  const problem = el("div", { role: "alert" });
  const share = el("div", { class: "share" }, shareField(slider), percentField(number));
  const actions = ["pause", "resume", "promote", "rollback"].map(action);
  const buttons = [apply, ...actions];
  let touched = false;
  slider.addEventListener("input", () => choose(slider.value));
  number.addEventListener("input", () => choose(number.value));
  const node = el(
    "form",
    { class: "steer", onsubmit: submit },
    ended,
    share,
    noteField,
    el("div", { class: "buttons" }, buttons),
    problem,
  );
  return { node, update };

  function update(newer) {
    item = newer;
    if (!touched) slider.value = number.value = Math.round(item.share * 100);
    const possible = ACTIONS[item.state];
    const over = !possible.includes("promote");
    for (const button of actions) button.hidden = !possible.includes(button.value);
    ended.hidden = !over;
    ended.textContent = over ? t(`experiment.${item.state}`) : "";
    noteField.hidden = !possible.length;
    share.hidden = apply.hidden = number.disabled = over;
  }

  function choose(value) {
    touched = true;
    if (slider.value !== value && value !== "") slider.value = value;
    if (number.value !== value) number.value = value;
  }

  function action(name) {
    const props = { type: "button", class: "quiet", value: name, onclick: () => act(name) };
    return el("button", props, t(`experiment.${name}`));
  }

  async function act(name) {
    const [title, text] = [t(`experiment.${name}.title`, item.id), t(`experiment.${name}.text`)];
    if (await confirmed(title, text, t(`experiment.${name}`))) await put({ action: name });
  }

  async function submit(event) {
    event.preventDefault();
    await put({ share: Number(number.value) / 100 });
  }

  async function put(change) {
    if (apply.getAttribute("aria-disabled") === "true") return;
    for (const button of buttons) button.setAttribute("aria-disabled", "true");
    const body = { ...change, ...(note.value.trim() && { note: note.value.trim() }) };
    const done = await guard(async () => {
      await call(`/api/v1/experiments/${encodeURIComponent(item.id)}`, { method: "PUT", body });
      touched = false;
      note.value = "";
      await refresh();
    }, problem);
    for (const button of buttons) button.removeAttribute("aria-disabled");
    tell(done ? t("experiment.done") : "");
    keepFocus();
  }

  /** The button that was pressed may be gone. */
  function keepFocus() {
    const at = document.activeElement;
    if (at === document.body || at.hidden) (ended.hidden ? actions.find((button) => !button.hidden) : ended).focus();
  }
}

function shareField(slider) {
  return field(t("experiment.wanted"), slider, { class: "field grow" });
}

function percentField(number) {
  number.setAttribute("aria-label", t("experiment.percent"));
  return el("span", { class: "percent" }, number, el("span", { "aria-hidden": "true" }, "%"));
}
