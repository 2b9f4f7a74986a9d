// Models: the adapters that were trained, where each serves, two of a kind side by side, and the questions for that.
import { call } from "./api.js";
import { el } from "./dom.js";
import { follow } from "./follow.js";
import { addWords, t } from "./i18n.js";
import en from "./lang/en-registry.js";
import ko from "./lang/ko-registry.js";
import { guard, tell } from "./operator.js";
import { isOpen } from "./pipeline-run.js";
import { kindPart } from "./registry-kind.js";
import { questionsPart } from "./registry-questions.js";

export const TITLE = "registry.title";
const KINDS = ["lora", "query"];
const RUNS = "/api/v1/pipeline/runs";
const LIVE_MS = 2000;
// How often to look, while nothing is compared, whether another adapter serves or was trained.
const IDLE_MS = 20_000;

addWords({ en, ko });

let parts = null; // {stale, questions} and a part for each kind
let held = null; // {items, questions, most, run, rows, rankings} as the server told them last
let asked = 0; // when that was
let leaving = null; // AbortController of the page's requests

export function open(view) {
  held = null;
  asked = 0;
  leaving = new AbortController();
  build(view);
  const { signal } = leaving;
  follow(signal, LIVE_MS, () => guard(look, parts.stale));
}

export function close() {
  leaving?.abort();
}

export function translate() {
  build(document.getElementById("view"));
  if (held) show();
}

function build(view) {
  const kinds = KINDS.map((kind) => kindPart(kind, compare, cancel));
  parts = { stale: el("div", { role: "alert" }), kinds, questions: questionsPart(keep, drop) };
  const nodes = [parts.stale, ...kinds.map(({ node }) => node), parts.questions.node];
  view.replaceChildren(el("p", { class: "hint" }, t("registry.hint")), ...nodes);
}

async function look() {
  if (held?.run && isOpen(held.run)) await lookAtRun();
  else if (Date.now() - asked > IDLE_MS) await read();
}

async function read() {
  const { signal } = leaving;
  const paths = ["/api/v1/adapters", "/api/v1/questions", `${RUNS}?limit=20`];
  const [{ items }, questions, runs] = await Promise.all(paths.map((path) => call(path, { signal })));
  asked = Date.now();
  const run = runs.items.find(({ kind }) => kind === "compare") ?? null;
  const rows = run?.id === held?.run?.id ? held?.rows : null;
  held = { rankings: held?.rankings ?? null, items, questions: questions.items, most: questions.most, run, rows };
  show();
  if (await readRows()) show();
}

async function lookAtRun() {
  held.run = await call(`${RUNS}/${encodeURIComponent(held.run.id)}`, { signal: leaving.signal });
  if (!isOpen(held.run)) {
    tell(t(`registry.run_${held.run.state}`));
    await readRows();
  }
  show();
}

/** What a comparison that has ended left behind; whether there is something new. */
async function readRows() {
  const made = held.run?.steps[0].artefacts.find(({ name, there }) => name === "compare.json" && there);
  if (!made || held.rows) return false;
  const path = [held.run.id, "artefacts", "compare_adapters", made.name].map(encodeURIComponent).join("/");
  held.rows = await call(`${RUNS}/${path}`, { signal: leaving.signal });
  return true;
}

function show() {
  parts.kinds.forEach((part) => part.update(held));
  parts.questions.update(held.questions, held.most);
}

/** The search's adapters are compared at once, the model's by a run. */
async function compare(body, problem) {
  let found = null;
  const done = await guard(async () => {
    found = await call("/api/v1/adapters/compare", { body, signal: leaving.signal });
    if (!found.run_id) return;
    held.run = await call(`${RUNS}/${encodeURIComponent(found.run_id)}`, { signal: leaving.signal });
    held.rows = null;
  }, problem);
  if (!done) return;
  if (!found.run_id) held.rankings = found;
  show();
  tell(t(found.run_id ? "registry.started" : "registry.compared"));
}

async function cancel(problem) {
  await guard(async () => {
    const path = `${RUNS}/${encodeURIComponent(held.run.id)}/cancel`;
    held.run = await call(path, { method: "POST", signal: leaving.signal });
    show();
  }, problem);
}

/** Resolves to whether it is kept now. */
async function keep(text, problem) {
  return guard(async () => {
    const one = await call("/api/v1/questions", { body: { text }, signal: leaving.signal });
    const isNew = !held.questions.some(({ id }) => id === one.id);
    if (isNew) held.questions.push(one);
    show();
    tell(t(isNew ? "questions.kept" : "questions.same"));
  }, problem);
}

async function drop(id, problem) {
  return guard(async () => {
    await call(`/api/v1/questions/${id}`, { method: "DELETE", signal: leaving.signal });
    held.questions = held.questions.filter((one) => one.id !== id);
    show();
    tell(t("questions.dropped"));
  }, problem);
}
