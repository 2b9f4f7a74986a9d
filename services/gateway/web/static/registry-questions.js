// The questions that adapters are compared on: kept and dropped here.
import { el, refill } from "./dom.js";
import { t } from "./i18n.js";
import { field } from "./operator.js";

const LONGEST = 400;

/** {node, update(questions, most)}; `keep(text, problem)` and `drop(id, problem)` resolve to whether it was done. */
export function questionsPart(keep, drop) {
  const title = el("h2", { tabindex: "-1" }, t("questions.title"));
  const none = el("p", { class: "notice centred", hidden: true }, t("questions.none"));
  const list = el("ol", { class: "rows kept" });
  const input = el("input", { type: "text", maxlength: LONGEST, required: true, autocomplete: "off" });
  const button = el("button", { type: "submit" }, t("questions.keep"));
  const problem = el("div", { role: "alert" });
  const fields = el("div", { class: "fields ask" }, field(t("questions.text"), input), button);
  const full = el("p", { class: "hint", hidden: true });
  const form = el("form", { class: "card steer", onsubmit: submit }, fields, full, problem);
  const about = el("p", { class: "hint" }, t("questions.about"));
  const node = el("section", { class: "kind" }, title, about, none, list, form);
  return { node, update };

  function update(questions, most) {
    none.hidden = questions.length > 0;
    full.hidden = questions.length < most;
    full.textContent = t("questions.full", most);
    refill(list, questions, () => questions.map(row));
  }

  function row({ id, text }) {
    const props = { type: "button", class: "quiet", "aria-label": t("questions.drop_one", text) };
    return el("li", {}, el("span", {}, text), el("button", { ...props, onclick: () => remove(id) }, t("questions.drop")));
  }

  async function remove(id) {
    if (await drop(id, problem)) title.focus(); // the button that was pressed is gone
  }

  async function submit(event) {
    event.preventDefault();
    const text = input.value.trim();
    if (!text || button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    if (await keep(text, problem)) input.value = "";
    button.removeAttribute("aria-disabled");
    input.focus();
  }
}
