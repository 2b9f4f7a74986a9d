// The page: what is asked stands in its address, what came back below the search box.
import { openAdding, setUpAdding, translateJob } from "./add.js";
import { about, fillAnswer, fillCut, fillWriting } from "./answer.js";
import { call, events, Problem } from "./api.js";
import { el, problemBox } from "./dom.js";
import { named, switchLanguage, t, translatePage } from "./i18n.js";
import { wordsPattern } from "./marks.js";
import { resultCard } from "./results.js";
import { closeSurvey, openSurvey, translateSurvey } from "./survey.js";

const LIMIT = 10;
const MAX_OFFSET = 500;
const FILTERS = { category: "categories", pricing: "pricings" };

const $ = (id) => document.getElementById(id);
const state = {
  asked: { q: "", category: "", pricing: "" },
  pages: [], // what the searches brought so far, one for each "more results"; the first holds the answer
  draft: null, // the answer while it is written or after it broke off: {text, cut}
  timings: null, // what the end of the stream said of the first page
  cards: new Map(), // by tool id: what is shown stays, with its open passages, when more comes
  busy: false,
  problem: null,
  catalogue: null, // {total, facets} once known
  running: null, // AbortController of all that was asked for the question on the page
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

function search(asked) {
  Object.assign(state, { asked, pages: [], cards: new Map(), draft: null, problem: null });
  const mine = begin();
  state.busy = Boolean(asked.q);
  render();
  if (asked.q) stream(mine);
}

/** Ends whatever is under way, on the server too: what comes from now on belongs to the returned controller. */
function begin() {
  state.running?.abort();
  state.running = new AbortController();
  state.busy = false;
  closeSurvey();
  return state.running;
}

function question(offset, options) {
  const { q, category, pricing } = state.asked;
  const filters = { category: category ? [category] : [], pricing: pricing ? [pricing] : [] };
  return { query: q, limit: LIMIT, offset, filters, ...options };
}

/** Results at once, and the answer as it is written. */
async function stream(mine) {
  const body = question(0, { answer: true, stream: true });
  try {
    for await (const { name, data } of events("/api/v1/search", { body, signal: mine.signal })) {
      if (state.running !== mine) return;
      if (Object.hasOwn(ARRIVED, name)) ARRIVED[name](data);
    }
    if (state.running === mine) broken(new Problem("unreadable"));
  } catch (error) {
    if (owns(mine, error)) broken(error);
  }
}

const ARRIVED = {
  results(page) {
    const before = state.pages.length;
    state.pages[0] = { ...page, answer: null };
    Object.assign(state, { busy: false, timings: null, draft: { text: "", cut: false } });
    if (!before) return render();
    renderAnswer();
    renderResults();
  },
  token({ text }) {
    if (!state.draft) return;
    state.draft.text += text;
    state.draft.show?.(state.draft.text);
  },
  answer(answer) {
    state.pages[0].answer = answer;
    state.draft = null;
    renderAnswer();
  },
  done({ timings_ms: timings, survey }) {
    const page = state.pages[0];
    state.timings = timings;
    if (state.draft) state.draft.cut = true; // it ended without an answer
    if (state.draft) renderAnswer();
    $("answer").querySelector(".about")?.replaceWith(about(page, timings));
    if (survey) openSurvey(page.search_id);
  },
};

/** Whether an error is to be shown. An aborted search has a successor, which owns the page now. */
function owns(mine, error) {
  if (state.running !== mine || error.name === "AbortError") return false;
  if (!(error instanceof Problem)) throw error;
  return true;
}

/** The stream has ended: what is shown stays, and what is missing is said to be missing. */
function broken(problem) {
  if (!state.pages.length) {
    Object.assign(state, { busy: false, problem });
    render();
  } else if (state.draft && !state.draft.cut) {
    state.draft.cut = true;
    renderAnswer();
  }
}

/** Asks for the answer once more, while the results stay. */
function answerAgain() {
  const mine = begin();
  state.draft = { text: "", cut: false };
  renderStatus();
  renderAnswer();
  $("answer").focus({ preventScroll: true });
  stream(mine);
}

async function more() {
  if (state.busy) return;
  const mine = state.running;
  const before = $("results").querySelectorAll("article").length;
  Object.assign(state, { busy: true, problem: null });
  renderStatus();
  renderProblem();
  const body = question(state.pages.length * LIMIT, { answer: false, stream: false });
  try {
    const page = await call("/api/v1/search", { body, signal: mine.signal });
    if (state.running !== mine) return;
    state.pages.push(page);
  } catch (error) {
    if (!owns(mine, error)) return;
    state.problem = error;
  }
  state.busy = false;
  renderStatus();
  renderProblem();
  renderResults();
  $("results").querySelectorAll("article")[before]?.querySelector("a")?.focus();
}

function again() {
  if (state.pages.length) more();
  else search(state.asked);
  if (!state.catalogue) loadCatalogue();
}

// Showing.

function render() {
  const { asked, pages, busy } = state;
  document.body.classList.toggle("home", !asked.q);
  document.title = asked.q ? `${asked.q} – Toolscout` : "Toolscout";
  renderFilters();
  renderStatus();
  renderProblem();
  renderWelcome();
  renderAnswer();
  if (busy && !pages.length) $("results").replaceChildren(...Array.from({ length: 3 }, skeleton));
  else renderResults();
}

function renderProblem() {
  $("problem").replaceChildren(state.problem ? problemBox(state.problem, again) : "");
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

function renderAnswer() {
  const { catalogue, draft } = state;
  const section = $("answer");
  const page = state.pages[0];
  const empty = catalogue?.total === 0 && !page?.results.length; // the welcome says what to do
  section.hidden = !page || empty || (!page.no_match && !page.answer && !draft);
  section.classList.toggle("notice", Boolean(page?.no_match));
  section.classList.toggle("answer", !page?.no_match);
  // Room is kept from the moment that somebody saw it, or the results would jump back.
  if (section.hidden || page.no_match) section.classList.remove("roomy");
  section.replaceChildren();
  if (section.hidden) say("");
  else if (page.no_match) section.append(...nothingFits(page));
  else if (!draft) fillAnswer(section, page, state.timings);
  else if (draft.cut) fillCut(section, draft.text, answerAgain);
  else write(section, draft);
  if (!section.hidden && !page.no_match) say(t(!draft ? "answer.ready" : draft.cut ? "answer.cut" : "answer.writing"));
}

function write(section, draft) {
  draft.show = fillWriting(section);
  draft.show(draft.text);
  requestAnimationFrame(() => {
    if (state.draft === draft) section.classList.add("roomy");
  });
}

/** Read out once for each step; the words of the answer as they come would drown everything else. */
function say(text) {
  if ($("answer-news").textContent !== text) $("answer-news").textContent = text;
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
  translateSurvey();
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
