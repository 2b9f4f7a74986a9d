// One missed question: who asked it how, what they got, and what an operator says it should have found.
import { call } from "./api.js";
import { toolBox } from "./combobox.js";
import { el, outLink, readable } from "./dom.js";
import { count, moment } from "./figures.js";
import { named, t } from "./i18n.js";
import { field, guard } from "./operator.js";

const VERDICTS = ["should_find", "no_such_tool", "wrong_answer"];

/** A card; `changed(group, newer)` is told when its mark was set or taken back. */
export function missCard(group, changed) {
  const reasons = Object.entries(group.reasons).filter(([, n]) => n > 0);
  const badges = reasons.map(([name, n]) => el("span", { class: "badge" }, `${named("misses", name)} ${count(n)}`));
  const place = el("div");
  const problem = el("div", { role: "alert" });
  draw();
  return el(
    "article",
    { class: "card miss", tabindex: "-1" },
    el("h2", {}, group.question),
    el("p", { class: "where" }, t("missed.times", group.count), badges),
    searches(group.searches),
    place,
    problem,
  );

  function draw() {
    place.replaceChildren(group.mark ? markBox(group, () => put("DELETE")) : markForm((body) => put("PUT", body)));
  }

  async function put(method, body) {
    const path = `/api/v1/missed/${encodeURIComponent(group.id)}`;
    await guard(async () => {
      const answer = await call(path, { method, body });
      const newer = { ...group, mark: null, ...answer };
      changed(group, newer);
      group = newer;
      draw();
      place.querySelector("button, summary").focus();
    }, problem);
  }
}

function searches(all) {
  return el("details", {}, el("summary", {}, t("missed.searches", all.length)), el("ol", {}, all.map(searchRow)));
}

function searchRow({ query, at, group, reasons, answer, comment, results }) {
  const links = results.map(({ name, url }) => el("li", {}, outLink(url, name || readable(url))));
  const found = el("ul", { class: "found", "aria-label": t("missed.found") }, links);
  const why = reasons.map((name) => named("misses", name)).join(", ");
  return el(
    "li",
    {},
    el("p", { class: "strong" }, query),
    el("p", { class: "where" }, moment(at), el("span", {}, named("arms", group)), el("span", {}, why)),
    answer ? el("blockquote", {}, answer) : el("p", { class: "hint" }, t("missed.no_answer")),
    comment ? el("p", {}, `${t("missed.comment")} `, el("q", {}, comment)) : null,
    links.length ? found : el("p", { class: "hint" }, t("missed.nothing")),
  );
}

function markBox({ mark }, takeBack) {
  const what = [el("strong", {}, named("verdicts", mark.verdict))];
  if (mark.tool_id) what.push(toolName(mark.tool_id));
  if (mark.url) what.push(outLink(mark.url, readable(mark.url)));
  if (mark.note) what.push(el("q", {}, mark.note));
  const button = el("button", { type: "button", class: "quiet", onclick: takeBack }, t("missed.take_back"));
  return el("div", { class: "mark" }, el("p", { class: "where" }, what, moment(mark.at)), button);
}

/** The number of a tool, and its name as soon as it is known. */
function toolName(id) {
  const place = el("span", {}, t("missed.tool", id));
  call(`/api/v1/tools/${id}`).then(
    ({ name, url }) => place.replaceChildren(outLink(url, name || readable(url))),
    () => {}, // it has left the catalogue: its number must do
  );
  return place;
}

function markForm(save) {
  const tool = toolBox(t("missed.tool_name"));
  const url = el("input", { type: "url", maxlength: 2000, placeholder: "https://", autocomplete: "off" });
  const note = el("textarea", { rows: 2, maxlength: 2000 });
  const which = el("div", { class: "which", hidden: true }, tool.node, field(t("missed.url"), url));
  const complaint = el("p", { class: "news bad", role: "alert" });
  const name = `verdict-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  const choices = VERDICTS.map((value) => {
    const onchange = () => (which.hidden = value !== "should_find");
    const input = el("input", { type: "radio", name, value, required: true, onchange });
    return el("label", {}, input, el("span", {}, named("verdicts", value)));
  });
  const form = el(
    "form",
    { class: "fields", onsubmit: submit },
    el("fieldset", {}, el("legend", {}, t("missed.verdict")), el("div", { class: "choices" }, choices)),
    which,
    field(t("experiment.note"), note),
    complaint,
    el("button", { type: "submit" }, t("missed.save")),
  );
  return el("details", {}, el("summary", { class: "strong" }, t("missed.mark")), form);

  async function submit(event) {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.getAttribute("aria-disabled") === "true") return;
    const verdict = form.querySelector(":checked").value;
    const target = verdict === "should_find" ? { tool_id: tool.chosen()?.tool_id, url: url.value.trim() } : {};
    complaint.textContent = "";
    if (verdict === "should_find" && !target.tool_id && !target.url) {
      complaint.textContent = t("missed.which_one");
      tool.node.querySelector("input").focus();
      return;
    }
    button.setAttribute("aria-disabled", "true");
    const given = Object.entries({ verdict, ...target, note: note.value.trim() });
    await save(Object.fromEntries(given.filter(([, value]) => value)));
    button.removeAttribute("aria-disabled");
  }
}
