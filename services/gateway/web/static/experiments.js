// The experiment that runs, followed live and steered, and the earlier ones.
import { call } from "./api.js";
import { el, place } from "./dom.js";
import { experimentCard } from "./experiment.js";
import { follow } from "./follow.js";
import { t } from "./i18n.js";
import { guard } from "./operator.js";

export const TITLE = "experiments.title";
const EVERY_MS = 3000;

let parts = null; // {stale, current, earlier}: the page's places
let cards = new Map(); // by id and role: what is open, chosen or typed in stays while figures change
let items = null;
let leaving = null; // AbortController of the page's requests

export function open(view) {
  parts = { stale: el("div", { role: "alert" }), current: el("div"), earlier: el("section") };
  view.replaceChildren(parts.stale, parts.current, parts.earlier);
  cards = new Map();
  items = null;
  leaving = new AbortController();
  const { signal } = leaving;
  follow(signal, EVERY_MS, () => guard(() => refresh(signal), parts.stale));
}

export function close() {
  leaving?.abort();
}

export function translate() {
  cards.clear();
  parts.earlier.replaceChildren();
  if (items) show();
}

async function refresh(signal) {
  ({ items } = await call("/api/v1/experiments", { signal }));
  show();
}

function show() {
  const current = items.find((item) => item.current);
  const earlier = items.filter((item) => item !== current);
  place(parts.current, current ? [card(current, true)] : [nothingRuns()]);
  const title = el("h2", {}, t("experiments.earlier"));
  place(parts.earlier, earlier.length ? [parts.earlier.querySelector("h2") ?? title, ...earlier.map(folded)] : []);
}

function card(item, current) {
  const key = `${item.id}/${current}`;
  if (!cards.has(key)) cards.set(key, experimentCard(item, current, () => refresh(leaving.signal)));
  cards.get(key).update(item);
  return cards.get(key).node;
}

function folded(item) {
  return card(item, false);
}

function nothingRuns() {
  if (cards.has("")) return cards.get("");
  const example = el("pre", {}, "LLM_API_BASE_NEW_MODEL=http://127.0.0.1:1234/v1\nLLM_MODEL_NEW_MODEL=…");
  const texts = [el("p", { class: "strong" }, t("experiments.none")), el("p", {}, t("experiments.how")), example];
  cards.set("", el("div", { class: "notice centred" }, texts));
  return cards.get("");
}
