// The adapters of one kind, and two of them side by side.
import { el, place, refill } from "./dom.js";
import { t } from "./i18n.js";
import { field } from "./operator.js";
import { isOpen, runCard } from "./pipeline-run.js";
import { adapterCard } from "./registry-adapter.js";
import { answersPart, rankingsPart } from "./registry-compared.js";

const NOTHING = ""; // the choice of no adapter
const chosen = {}; // by kind: what was chosen stays when the language changes

/** {node, update(held)}; `compare(body, problem)` and `cancel(problem)` do what they say. */
export function kindPart(kind, compare, cancel) {
  const list = el("div", { class: "list" });
  const none = el("div", { class: "notice centred", hidden: true }, emptyTexts(kind));
  const form = compareForm(kind, compare);
  const run = el("div", { class: "compared" });
  const found = el("div", { class: "compared" });
  const title = el("h2", {}, t(`registry.${kind}`));
  const about = el("p", { class: "hint" }, t(`registry.${kind}.about`));
  const node = el("section", { class: "kind" }, title, about, none, list, form.node, run, found);
  const cards = new Map();
  let shownRun = null;
  return { node, update };

  function update(held) {
    const items = held.items.filter((item) => item.kind === kind);
    none.hidden = items.length > 0;
    place(list, items.map(card));
    form.update(items, held.questions.length, kind === "lora" && held.run && isOpen(held.run));
    if (kind === "query") refill(found, held.rankings, () => rankingsPart(held.rankings));
    else updateRun(held);
  }

  function card(item) {
    if (!cards.has(item.id)) cards.set(item.id, adapterCard(item));
    cards.get(item.id).update(item);
    return cards.get(item.id).node;
  }

  function updateRun({ run: newest, rows }) {
    if (newest?.id !== shownRun?.id) shownRun = newest && runPart(newest);
    const done = newest?.state === "done" && rows;
    place(run, newest && !done ? [shownRun.title, shownRun.card.node] : []);
    shownRun?.card.update(newest);
    refill(found, done ? newest.id : null, () => (done ? answersPart(newest, rows) : []));
  }

  /** What is compared stands above the run, and not again among what was asked for. */
  function runPart(newest) {
    const [a, b] = ["a", "b"].map((side) => newest.options[side] ?? t(`registry.${kind}.none`));
    const card = runCard({ ...newest, options: {} }, [], true, () => cancel(card.problem));
    return { id: newest.id, title: el("h3", {}, t("registry.result", a, b)), card };
  }
}

function emptyTexts(kind) {
  const link = el("a", { href: "/admin/pipeline" }, t("registry.to_training"));
  return [el("p", { class: "strong" }, t("registry.empty")), el("p", {}, t(`registry.${kind}.empty`)), el("p", {}, link)];
}

function compareForm(kind, compare) {
  const selects = { a: el("select"), b: el("select") };
  const button = el("button", { type: "submit" }, t("registry.compare"));
  const why = el("p", { class: "hint", role: "status", hidden: true });
  const problem = el("div", { role: "alert" });
  const fields = ["a", "b"].map((side) => field(t(`registry.${side}`), selects[side]));
  const row = el("div", { class: "fields pair" }, fields, button);
  const node = el("form", { class: "card steer", onsubmit: submit, hidden: true }, row, why, problem);
  for (const side of ["a", "b"]) selects[side].addEventListener("change", choose);
  let blocked = "";
  return { node, update };

  function update(items, questions, busy) {
    const whole = items.filter((item) => !item.broken);
    node.hidden = !whole.length;
    const now = chosen[kind]?.every((id) => id === NOTHING || whole.some((item) => item.id === id));
    const [a, b] = now ? chosen[kind] : defaults(whole);
    refillSelect(selects.a, kind, whole, a);
    refillSelect(selects.b, kind, whole, b);
    blocked = busy ? "registry.busy" : questions ? "" : "registry.no_questions";
    showWhy();
  }

  function choose() {
    chosen[kind] = [selects.a.value, selects.b.value];
    showWhy();
  }

  function reason() {
    return blocked || (selects.a.value === selects.b.value ? "registry.same" : "");
  }

  function showWhy() {
    const key = reason();
    why.hidden = !key;
    why.textContent = key ? t(key) : "";
    button.setAttribute("aria-disabled", String(Boolean(key)));
  }

  async function submit(event) {
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    await compare({ kind, a: selects.a.value || null, b: selects.b.value || null }, problem);
    showWhy();
  }
}

/** Stable against candidate where they differ, else the newest against none. */
function defaults(items) {
  const [stable, candidate] = ["stable", "candidate"].map(
    (arm) => items.find(({ serves }) => serves.includes(arm))?.id ?? NOTHING,
  );
  return stable === candidate ? [NOTHING, items[0]?.id ?? NOTHING] : [stable, candidate];
}

function refillSelect(select, kind, items, value) {
  const shown = items.map(({ id, serves }) => [id, [id, ...serves.map((arm) => t(`registry.is_${arm}`))].join(" · ")]);
  refill(select, shown, () => [
    el("option", { value: NOTHING }, t(`registry.${kind}.none`)),
    ...shown.map(([id, text]) => el("option", { value: id }, text)),
  ]);
  select.value = value;
}
