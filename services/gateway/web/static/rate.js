// Thumbs: one rating per result and one for the answer, the last one counts.
import { call } from "./api.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";

const UP = "M7 10v10H3V10zm2 10V10l4-7c1.6 0 2.6 1.3 2.2 2.8L14.3 9H20c1 0 1.8 1 1.5 2l-2 7.5c-.2.9-1 1.5-2 1.5z";
const given = new Map();

/** Two buttons and room for what came of them. Without `toolId` they rate the answer. */
export function thumbs(searchId, what, toolId) {
  const key = `${searchId}/${toolId ?? ""}`;
  const news = el("span", { class: "news", role: "status" });
  const buttons = ["up", "down"].map((rating) => thumb(rating, what, () => rate(rating)));
  let sending = false;
  press(given.get(key));
  return el("div", { class: "thumbs" }, buttons, news);

  function press(rating) {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.rating === rating));
  }

  async function rate(rating) {
    if (sending || given.get(key) === rating) return;
    sending = true;
    press(rating);
    news.textContent = "";
    const body = { search_id: searchId, rating };
    if (toolId !== undefined) body.tool_id = toolId;
    try {
      await call("/api/v1/feedback", { body });
      given.set(key, rating);
      news.textContent = t("rate.thanks");
      news.classList.remove("bad");
    } catch (problem) {
      press(given.get(key));
      const { title, remedy } = problem.texts;
      news.textContent = [t("rate.failed"), title, remedy].filter(Boolean).join(" · ");
      news.classList.add("bad");
    } finally {
      sending = false;
    }
  }
}

function thumb(rating, what, onclick) {
  const label = t(`rate.${rating}`, what);
  const props = { type: "button", class: `thumb ${rating}`, "data-rating": rating, "aria-label": label, title: label };
  return el("button", { ...props, onclick }, drawing());
}

function drawing() {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  const path = document.createElementNS(namespace, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", UP);
  svg.append(path);
  return svg;
}
