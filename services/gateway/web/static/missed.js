// Questions that were answered badly or not at all, like ones together, the most frequent first.
import { call } from "./api.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";
import { missCard } from "./miss.js";
import { guard, tell } from "./operator.js";

export const TITLE = "missed.title";
const LIMIT = 20;
const STATES = ["open", "marked"];

const wanted = new URLSearchParams(location.search).get("state");
const state = STATES.includes(wanted) ? wanted : "open";
let parts = null; // {count, list, more}
let groups = [];
let total = 0;
let leaving = null; // AbortController of the page's requests

export function open(place) {
  groups = [];
  leaving = new AbortController();
  build(place);
  load();
}

export function close() {
  leaving?.abort();
}

export function translate() {
  build(document.getElementById("view"));
  show(groups);
}

function build(place) {
  parts = {
    count: el("p", { class: "status" }),
    list: el("div", { class: "list" }),
    more: el("button", { type: "button", class: "quiet wide", onclick: more, hidden: true }, t("missed.more")),
  };
  const tabs = STATES.map((name) =>
    el("a", { href: `?state=${name}`, "aria-current": name === state ? "page" : null }, t(`missed.${name}`)),
  );
  const nav = el("nav", { class: "tabs", "aria-label": t("missed.which") }, tabs);
  place.replaceChildren(el("p", { class: "hint" }, t("missed.hint")), nav, parts.count, parts.list, parts.more);
}

/** Gets the next groups. Resolves to the first new card, or undefined. */
async function load() {
  let first;
  await guard(async () => {
    const given = new URLSearchParams({ state, offset: offset(), limit: LIMIT });
    const page = await call(`/api/v1/missed?${given}`, { signal: leaving.signal });
    total = page.total;
    // Marking one moves the others up: what is shown already does not come twice.
    const known = new Set(groups.map((group) => group.id));
    const fresh = page.groups.filter((group) => !known.has(group.id));
    groups.push(...fresh);
    first = show(fresh);
  });
  return first;
}

/** Groups of this state that the server still counts: those marked since have left it. */
function offset() {
  return groups.filter((group) => Boolean(group.mark) === (state === "marked")).length;
}

function show(fresh) {
  const cards = fresh.map((group) => missCard(group, changed));
  parts.list.append(...cards);
  showCount();
  return cards[0];
}

function showCount() {
  parts.count.textContent = total ? t("missed.count", total) : groups.length ? "" : t(`missed.none_${state}`);
  parts.more.hidden = offset() >= total;
}

async function more() {
  if (parts.more.getAttribute("aria-disabled") === "true") return;
  parts.more.setAttribute("aria-disabled", "true");
  const first = await load();
  parts.more.removeAttribute("aria-disabled");
  first?.focus();
}

/** A group was marked or its mark taken back: it stays where it is, for whoever changes their mind. */
function changed(group, newer) {
  const left = Boolean(newer.mark) !== (state === "marked");
  const leftBefore = Boolean(group.mark) !== (state === "marked");
  total += Number(leftBefore) - Number(left);
  groups[groups.indexOf(group)] = newer;
  showCount();
  tell(t(newer.mark ? "missed.saved" : "missed.taken_back"));
}
