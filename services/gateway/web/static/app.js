// The page: what is asked stands in its address, what came back below the search box.
import { openAdding, setUpAdding, translateJob } from "./add.js";
import { call, Problem } from "./api.js";
import { el, problemBox } from "./dom.js";
import { named, switchLanguage, t, translatePage } from "./i18n.js";
import { wordsPattern } from "./marks.js";
import { fillAnswer, resultCard } from "./results.js";

const LIMIT = 10;
const MAX_OFFSET = 500;
const FILTERS = { category: "categories", pricing: "pricings" };

const $ = (id) => document.getElementById(id);
const state = {
  asked: { q: "", category: "", pricing: "" },
  pages: [], // the search's answers so far, one for each "more results"
  cards: new Map(), // by tool id: what is shown stays, with its open passages, when more comes
  busy: false,
  problem: null,
  catalogue: null, // {total, facets} once known
  running: null, // AbortController of the search under way
};

// What is asked, in the address and in the form.

function fromAddress() {
  const given = new URLSearchParams(location.search);
  const read = (name) => given.get(name) ?? "";
  return { q: read("q").trim(), category: read("category"), pricing: read("pricing") };
}

function toAddress(asked) {
  const given = new URLSearchParams(Object.entries(asked).filter(([, value]) => value));
  return given.size ? `/?${given}` : "/";
}

function fromForm() {
  const q = $("q").value.trim().replace(/\s+/g, " ");
  return { q, category: $("category").value, pricing: $("pricing").value };
}

function ask(asked) {
  if (toAddress(asked) !== location.pathname + location.search) history.pushState(null, "", toAddress(asked));
  search(asked);
}

// Searching.

async function search(asked) {
  state.running?.abort();
  Object.assign(state, { asked, pages: [], cards: new Map(), busy: Boolean(asked.q), problem: null, running: null });
  render();
  if (asked.q) await load(true);
}

async function load(answer) {
  const mine = (state.running = new AbortController());
  const { q, category, pricing } = state.asked;
  const filters = { category: category ? [category] : [], pricing: pricing ? [pricing] : [] };
  const body = { query: q, limit: LIMIT, offset: state.pages.length * LIMIT, filters, answer };
  try {
    const page = await call("/api/v1/search", { body, signal: mine.signal });
    if (state.running !== mine) return;
    state.pages.push(page);
    state.problem = null;
  } catch (error) {
    // An aborted search has a successor, which owns the page now.
    if (state.running !== mine || error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    state.problem = error;
  }
  state.busy = false;
  state.running = null;
  render();
}

async function more() {
  if (state.busy) return;
  const before = $("results").querySelectorAll("article").length;
  state.busy = true;
  state.problem = null;
  renderStatus();
  await load(false);
  $("results").querySelectorAll("article")[before]?.querySelector("a")?.focus();
}

function again() {
  state.busy = true;
  state.problem = null;
  render();
  load(!state.pages.length);
  if (!state.catalogue) loadCatalogue();
}

// Showing.

function render() {
  const { asked, pages, problem, busy } = state;
  document.body.classList.toggle("home", !asked.q);
  document.title = asked.q ? `${asked.q} – Toolscout` : "Toolscout";
  renderFilters();
  renderStatus();
  $("problem").replaceChildren(problem ? problemBox(problem, again) : "");
  renderWelcome();
  renderAnswer(pages[0]);
  if (busy && !pages.length) $("results").replaceChildren(...Array.from({ length: 3 }, skeleton));
  else renderResults();
}

function skeleton() {
  return el("div", { class: "card skeleton", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
}

function renderStatus() {
  const { pages, busy, problem } = state;
  const n = pages.reduce((sum, page) => sum + page.results.length, 0);
  let text = "";
  if (busy) text = t("search.busy");
  else if (pages.length && !problem) text = n ? t("results.count", n) : t("results.none");
  if (!busy && pages.length > 1 && !pages.at(-1).results.length) text += `. ${t("results.end")}`;
  $("status").textContent = text;
  $("results").setAttribute("aria-busy", String(busy));
  const full = pages.length > 0 && pages.at(-1).results.length === LIMIT && pages.length * LIMIT <= MAX_OFFSET;
  // While more is loading the button stays, or the keyboard's place would be lost.
  $("more").hidden = !full;
  $("more").setAttribute("aria-disabled", String(busy));
  $("more").textContent = t(busy ? "search.busy" : "results.more");
}

function renderFilters() {
  const facets = state.catalogue?.facets ?? {};
  for (const [field, table] of Object.entries(FILTERS)) {
    const counts = facets[field] ?? {};
    const chosen = state.asked[field];
    const values = Object.keys(counts).sort((a, b) => counts[b] - counts[a]);
    if (chosen && !(chosen in counts)) values.push(chosen);
    const options = values.map((value) => {
      const count = value in counts ? ` (${counts[value]})` : "";
      return el("option", { value }, named(table, value) + count);
    });
    $(field).replaceChildren(el("option", { value: "" }, t("filter.any")), ...options);
    $(field).value = chosen;
  }
  const chosen = state.asked.category || state.asked.pricing;
  $("filters").hidden = !chosen && !state.catalogue?.total;
}

function renderWelcome() {
  const { asked, catalogue, pages } = state;
  const welcome = $("welcome");
  welcome.replaceChildren();
  const found = pages.some((page) => page.results.length);
  if (catalogue?.total === 0 && !found && !state.busy) {
    const add = el("button", { type: "button", onclick: openAdding }, t("add.open"));
    const title = el("h2", {}, t("empty.title"));
    welcome.append(el("div", { class: "notice centred" }, title, el("p", {}, t("empty.text")), add));
  } else if (!asked.q && catalogue?.total) {
    const examples = t("welcome.examples").map((q) => el("li", {}, el("a", { href: toAddress({ q }) }, q)));
    welcome.append(el("p", {}, t("welcome.count", catalogue.total)), el("ul", { class: "examples" }, examples));
  }
}

function renderAnswer(page) {
  const section = $("answer");
  const empty = state.catalogue?.total === 0 && !page?.results.length; // the welcome says what to do
  section.hidden = !page || empty || (!page.no_match && !page.answer);
  section.className = page?.no_match ? "notice" : "answer";
  section.replaceChildren();
  if (section.hidden) return;
  if (page.no_match) section.append(...nothingFits(page));
  else fillAnswer(section, page);
}

function nothingFits(page) {
  const nodes = [el("p", { class: "strong" }, t("nothing.title"))];
  nodes.push(el("p", {}, `${page.results.length ? `${t("nothing.nearest")} ` : ""}${t("nothing.other")}`));
  if (state.asked.category || state.asked.pricing) {
    const onclick = () => ask({ ...state.asked, category: "", pricing: "" });
    nodes.push(el("button", { type: "button", class: "quiet", onclick }, t("filter.clear")));
  }
  return nodes;
}

function renderResults() {
  const { pages, asked } = state;
  const pattern = wordsPattern(asked.q);
  pages.forEach((page, n) => {
    page.results.forEach((result, place) => {
      // The index may have moved between two pages, and a tool come twice.
      if (state.cards.has(result.tool_id)) return;
      state.cards.set(result.tool_id, resultCard(result, page.search_id, n * LIMIT + place, pattern));
    });
  });
  const title = pages[0]?.no_match ? "results.nearest" : "results.title";
  $("results").replaceChildren(...(state.cards.size ? [el("h2", {}, t(title)), ...state.cards.values()] : []));
}

async function loadCatalogue() {
  try {
    const { total, facets } = await call("/api/v1/tools?limit=1");
    state.catalogue = { total, facets };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!state.asked.q) state.problem = error;
  }
  // Results that are read already stay as they are: only what depends on the catalogue is drawn again.
  renderFilters();
  renderWelcome();
  if (state.problem && !state.asked.q) $("problem").replaceChildren(problemBox(state.problem, retryCatalogue));
}

function retryCatalogue() {
  state.problem = null;
  $("problem").replaceChildren();
  loadCatalogue();
}

// What people do.

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(fromForm());
});
for (const field of Object.keys(FILTERS)) {
  $(field).addEventListener("change", () => {
    const asked = fromForm();
    if (asked.q) ask(asked);
    else state.asked = asked; // chosen before anything is asked
  });
}
$("more").addEventListener("click", more);
$("language").addEventListener("click", () => {
  switchLanguage();
  state.cards.clear();
  render();
  translateJob();
});
addEventListener("popstate", () => {
  const asked = fromAddress();
  if (toAddress(asked) === toAddress(state.asked)) return; // only the #place changed
  $("q").value = asked.q;
  search(asked);
});
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
  if (event.key !== "/" || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || typing) return;
  event.preventDefault();
  $("q").focus();
  $("q").select();
});

translatePage();
setUpAdding(loadCatalogue);
$("q").value = fromAddress().q;
$("q").focus();
search(fromAddress());
loadCatalogue();
