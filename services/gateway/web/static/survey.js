// One question, now and then, about a search: it waits at the foot of the window and is easily sent away.
import { call } from "./api.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";

const SCORES = [1, 2, 3, 4, 5];
const THANKS_MS = 3000;

const section = document.getElementById("survey");
let asked = null; // {searchId, score} while the question stands

export function openSurvey(searchId) {
  asked = { searchId, score: null };
  draw();
}

export function closeSurvey() {
  asked = null;
  const inside = section.contains(document.activeElement);
  section.hidden = true;
  section.replaceChildren();
  if (inside) document.getElementById("results").focus({ preventScroll: true });
}

/** Asks again in another language; what is chosen stays chosen. */
export function translateSurvey() {
  if (asked) draw();
}

function draw() {
  const form = el(
    "form",
    { onsubmit: send },
    el("fieldset", {}, el("legend", {}, t("survey.question")), scale()),
    el("p", { class: "news bad", role: "alert" }),
    el(
      "div",
      { class: "buttons" },
      el("button", { type: "submit" }, t("survey.send")),
      el("button", { type: "button", class: "quiet", onclick: dismiss }, t("survey.dismiss")),
    ),
  );
  section.replaceChildren(form);
  section.hidden = false;
}

function scale() {
  const ends = { 1: t("survey.low"), 5: t("survey.high") };
  const choices = SCORES.map((score) => {
    const props = { type: "radio", name: "score", value: score, required: true, checked: asked.score === score };
    const input = el("input", { ...props, onchange: () => (asked.score = score) });
    const end = ends[score] ? el("span", { class: "hidden" }, ` – ${ends[score]}`) : null;
    return el("label", {}, input, el("span", {}, String(score), end));
  });
  const shown = Object.values(ends).map((text) => el("span", {}, text));
  return el("div", { class: "scale" }, choices, el("div", { class: "ends", "aria-hidden": "true" }, shown));
}

async function send(event) {
  event.preventDefault();
  const mine = asked;
  const button = section.querySelector("button[type=submit]");
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await call("/api/v1/survey", { body: { search_id: mine.searchId, score: mine.score } });
    if (asked === mine) thank();
  } catch (problem) {
    if (asked !== mine) return;
    const { title, remedy } = problem.texts;
    section.querySelector(".news").textContent = [t("rate.failed"), title, remedy].filter(Boolean).join(" · ");
    button.removeAttribute("aria-disabled");
  }
}

function thank() {
  const thanks = el("p", { role: "status", tabindex: "-1" }, t("survey.thanks"));
  asked = null;
  section.replaceChildren(thanks);
  thanks.focus({ preventScroll: true });
  setTimeout(() => {
    if (section.contains(thanks)) closeSurvey();
  }, THANKS_MS);
}

function dismiss() {
  const body = { search_id: asked.searchId, score: null };
  call("/api/v1/survey", { body, keepalive: true }).catch(() => {}); // nobody waits for this
  closeSurvey();
}
