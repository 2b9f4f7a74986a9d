// Training: a run is started, followed while it works, and what earlier ones did.
import { call } from "./api.js";
import { el, place } from "./dom.js";
import { follow } from "./follow.js";
import { addWords, t } from "./i18n.js";
import en from "./lang/en-training.js";
import ko from "./lang/ko-training.js";
import { guard, tell } from "./operator.js";
import { isOpen, runCard, runName } from "./pipeline-run.js";
import { startForm } from "./pipeline-start.js";

export const TITLE = "pipeline.title";
const BASE = "/api/v1/pipeline";
const LIVE_MS = 2000;
// How long to wait, while nothing runs, before asking whether somebody has started a run elsewhere.
const IDLE_MS = 20_000;
const LIMIT = 10;

addWords({ en, ko });

let parts = null; // {stale, start, list, none, more}: the page's places
let form = null; // what starts a run
let pipeline = null; // {steps, queue, next} of the server
let found = new Map(); // runs by id
let cards = new Map(); // by id: what is open stays while figures change
let total = 0;
let asked = 0; // when the list was last read
let leaving = null; // AbortController of the page's requests

export function open(view) {
  found = new Map();
  pipeline = null;
  asked = 0;
  leaving = new AbortController();
  build(view);
  const { signal } = leaving;
  follow(signal, LIVE_MS, () => guard(() => look(signal), parts.stale));
}

export function close() {
  leaving?.abort();
}

export function translate() {
  build(document.getElementById("view"));
  if (pipeline) show();
}

function build(view) {
  parts = {
    stale: el("div", { role: "alert" }),
    start: el("div"),
    title: el("h2", { hidden: true }, t("pipeline.runs")),
    none: el("p", { class: "notice centred", hidden: true }, t("pipeline.none")),
    list: el("div", { class: "list" }),
    more: el("button", { type: "button", class: "quiet wide", onclick: more, hidden: true }, t("pipeline.more")),
  };
  form = null;
  cards = new Map();
  view.replaceChildren(el("p", { class: "hint" }, t("pipeline.hint")), ...Object.values(parts));
}

/** The run that is open is asked for alone; only one can be. */
async function look(signal) {
  const run = openRun();
  if (run) keep([await call(`${BASE}/runs/${encodeURIComponent(run.id)}`, { signal })]);
  else if (Date.now() - asked > IDLE_MS) await read(signal);
}

async function read(signal) {
  pipeline ??= await call(BASE, { signal });
  const page = await call(`${BASE}/runs?limit=${LIMIT}`, { signal });
  asked = Date.now();
  total = page.total;
  keep(page.items);
}

function keep(runs) {
  for (const run of runs) {
    const before = found.get(run.id);
    found.set(run.id, run);
    if (before && isOpen(before) && !isOpen(run)) tell(t(`pipeline.ended_${run.state}`, runName(run, pipeline.steps)));
  }
  show();
}

function openRun() {
  return [...found.values()].find(isOpen);
}

function show() {
  const runs = [...found.values()].sort((a, b) => b.created_at - a.created_at);
  form ??= startForm(pipeline, start);
  place(parts.start, [form.node]);
  form.update(Boolean(openRun()));
  place(parts.list, runs.map(card));
  parts.title.hidden = !runs.length;
  parts.none.hidden = runs.length > 0;
  parts.more.hidden = runs.length >= total;
}

function card(run, n) {
  if (!cards.has(run.id)) cards.set(run.id, runCard(run, pipeline.steps, n === 0 || isOpen(run), () => cancel(run)));
  cards.get(run.id).update(run);
  return cards.get(run.id).node;
}

/** Starts a run; what is refused is shown at `problem`, and so is the run that stood in the way. */
async function start(body, problem) {
  let run;
  const done = await guard(async () => {
    run = await call(`${BASE}/runs`, { body, signal: leaving.signal });
  }, problem);
  if (done) {
    total += 1;
    keep([run]);
    tell(t("pipeline.started"));
    cards.get(run.id).focus();
  } else if (!leaving.signal.aborted) {
    await guard(() => read(leaving.signal), parts.stale);
    form.update(Boolean(openRun()));
  }
}

async function cancel(run) {
  const { focus, problem } = cards.get(run.id);
  const done = await guard(async () => {
    keep([await call(`${BASE}/runs/${encodeURIComponent(run.id)}/cancel`, { method: "POST", signal: leaving.signal })]);
  }, problem);
  if (done) focus(); // the button that was pressed is gone
}

async function more() {
  if (parts.more.getAttribute("aria-disabled") === "true") return;
  parts.more.setAttribute("aria-disabled", "true");
  let fresh = [];
  await guard(async () => {
    const page = await call(`${BASE}/runs?limit=${LIMIT}&offset=${found.size}`, { signal: leaving.signal });
    total = page.total;
    fresh = page.items.filter((run) => !found.has(run.id));
    keep(page.items);
  });
  parts.more.removeAttribute("aria-disabled");
  cards.get(fresh[0]?.id)?.focus();
}
