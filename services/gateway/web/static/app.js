// Searching: the form, the answer with its citations, the results with their passages and thumbs.
import { prepareAdding } from "./add.js";
import { call } from "./api.js";
import { element, link, marked, report } from "./page.js";
import { speak, switchLanguage, words } from "./words.js";

const PAGE = 10;
const LONG = 220;
const form = document.getElementById("search");
const box = document.getElementById("q");
const status = document.getElementById("status");
const answer = document.getElementById("answer");
const results = document.getElementById("results");
const more = document.getElementById("more");
const filters = { category: document.getElementById("category"), pricing: document.getElementById("pricing") };
let current = { query: "", offset: 0, aborter: null };

async function search(query, offset = 0) {
  current.aborter?.abort(); // an older answer must never cover a newer one
  const aborter = new AbortController();
  current = { query, offset, aborter };
  report(status, words.searching);
  const chosen = Object.fromEntries(Object.entries(filters).map(([name, select]) => [name, select.value ? [select.value] : []]));
  const body = { query, limit: PAGE, offset, filters: chosen, answer: offset === 0 };
  try {
    show(await call("/api/v1/search", body, { signal: aborter.signal }), offset);
  } catch (error) {
    if (error.name === "AbortError") return;
    report(status, error.text ?? String(error), true);
  }
}

function show(found, offset) {
  if (offset === 0) {
    results.replaceChildren();
    showAnswer(found);
  }
  results.append(...found.results.map((result, n) => resultOf(found, result, offset + n)));
  more.hidden = found.results.length < PAGE;
  const none = found.no_match ? words.nearest : words.found(results.children.length);
  report(status, results.children.length ? none : words.nothing);
}

function showAnswer(found) {
  answer.hidden = !found.answer || !found.results.length || found.no_match;
  if (answer.hidden) return;
  const title = element("h2", { id: "answer-title" }, words.answer[found.answer.source] ?? "");
  const lines = found.answer.text.split("\n").map(line => element("p", {}, ...withCitations(line, found.answer.citations)));
  answer.replaceChildren(title, ...lines, thumbs(found.search_id, null));
}

function withCitations(line, citations) {
  return line.split(/(\[\d+\])/).map(part => {
    const cited = citations.find(citation => `[${citation.n}]` === part);
    if (!cited) return part;
    const button = element("button", { type: "button", class: "cite quiet", "aria-label": words.citation(cited.n) }, part);
    button.addEventListener("click", () => open(cited.chunk_id));
    return button;
  });
}

function open(chunk) {
  const passage = document.getElementById(`passage-${chunk}`);
  if (!passage) return;
  for (const other of document.querySelectorAll(".cited")) other.classList.remove("cited");
  passage.classList.add("cited");
  if (passage.tagName === "DETAILS") passage.open = true;
  passage.scrollIntoView({ block: "center" });
  (passage.querySelector("summary") ?? passage).focus({ preventScroll: true });
}

function resultOf(found, result, position) {
  const item = element("li", { class: "result" });
  const name = link(result.url, result.name);
  name.addEventListener("click", () => {
    const body = { search_id: found.search_id, tool_id: result.tool_id, position };
    call("/api/v1/click", body, { keepalive: true }).catch(() => {});
  });
  const badges = [result.category, result.pricing].filter(Boolean).map(text => element("li", {}, text.replaceAll("_", " ")));
  item.append(element("h3", {}, name), element("div", { class: "where" }, result.url));
  if (result.summary) item.append(element("div", {}, result.summary));
  item.append(element("ul", { class: "badges" }, ...badges), ...result.highlights.map(passageOf), thumbs(found.search_id, result.tool_id));
  return item;
}

function passageOf(highlight) {
  const id = `passage-${highlight.chunk_id}`;
  const where = element("div", { class: "where" }, link(highlight.url, highlight.url));
  const whole = element("div", { class: "whole" }, ...marked(highlight.text, current.query));
  if (highlight.text.length <= LONG) return element("div", { class: "passage", id, tabindex: "-1" }, whole, where);
  const start = element("span", { class: "start" }, ...marked(`${highlight.text.slice(0, LONG)}…`, current.query));
  const heading = element("summary", {}, element("span", { class: "where" }, highlight.title ? `${highlight.title} · ` : ""), start);
  return element("details", { class: "passage", id }, heading, whole, where);
}

function thumbs(search, tool) {
  const note = element("span", { role: "status" });
  const buttons = [["up", "👍"], ["down", "👎"]].map(([rating, sign]) => {
    const button = element("button", { type: "button", "aria-pressed": "false", "aria-label": words[rating] }, sign);
    button.addEventListener("click", async () => {
      try {
        await call("/api/v1/feedback", { search_id: search, rating, ...(tool === null ? {} : { tool_id: tool }) });
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
        report(note, words.thanks);
      } catch (error) {
        report(note, error.text ?? String(error), true);
      }
    });
    return button;
  });
  return element("div", { class: "rate" }, element("span", {}, words.useful), ...buttons, note);
}

async function offerFilters() {
  try {
    const { total, facets } = await call("/api/v1/tools?limit=1");
    for (const [name, select] of Object.entries(filters)) {
      const chosen = select.value;
      const options = Object.entries(facets[name] ?? {}).sort().map(([value, n]) => element("option", { value }, `${value.replaceAll("_", " ")} (${n})`));
      select.replaceChildren(element("option", { value: "" }, words.any), ...options);
      select.options[0].value = "";
      select.value = chosen;
    }
    if (!total && !current.query) report(status, words.empty);
  } catch (error) {
    report(status, error.text ?? String(error), true);
  }
}

function fromAddress() {
  const query = new URLSearchParams(location.search).get("q") ?? "";
  box.value = query;
  if (query.trim()) return search(query.trim());
  current = { query: "", offset: 0, aborter: current.aborter };
  answer.hidden = more.hidden = true;
  results.replaceChildren();
  report(status, "");
}

form.addEventListener("submit", event => {
  event.preventDefault();
  const query = box.value.trim();
  if (!query) return;
  history.pushState(null, "", `/?q=${encodeURIComponent(query)}`);
  search(query);
});
for (const select of Object.values(filters)) select.addEventListener("change", () => current.query && search(current.query));
more.addEventListener("click", () => search(current.query, current.offset + PAGE));
addEventListener("popstate", fromAddress);
addEventListener("keydown", event => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  box.focus();
});
document.getElementById("language").addEventListener("click", () => {
  switchLanguage();
  offerFilters();
  if (current.query) search(current.query);
});

speak();
prepareAdding(offerFilters);
offerFilters();
fromAddress();
