// Both arms side by side: what each is and how it does, each figure with how much it rests on.
import { el } from "./dom.js";
import { count, milliseconds, NONE, percent } from "./figures.js";
import { named, t } from "./i18n.js";

const ARMS = ["stable", "candidate"];
const MADE_OF = ["endpoint", "model", "prompt", "adapter"];
const FIGURES = {
  exposures: (live) => [count(live.exposures)],
  searches: (live) => [count(live.searches)],
  satisfaction,
  survey: (live) => [live.survey === null ? NONE : t("arm.of_five", live.survey.toFixed(1)), t("arm.n", live.surveys)],
  grounded: (live) => [percent(live.grounded, 1)],
  no_match: (live) => [percent(live.no_match, 1)],
  errors: (live) => [percent(live.errors, 1)],
  first_token: (live) => [milliseconds(live.first_token_p50_ms)],
  latency: (live) => [milliseconds(live.latency_p50_ms)],
  latency_p95: (live) => [milliseconds(live.latency_p95_ms)],
};

/** The nodes of the table, and below it what is counted for neither arm. */
export function armsTable({ arms, live }) {
  const heads = ARMS.map((arm) => el("th", { scope: "col" }, named("arms", arm)));
  const made = MADE_OF.map((name) => row(name, (arm) => [arms[arm]?.[name] || NONE]));
  const figures = Object.entries(FIGURES).map(([name, show]) => row(name, (arm) => show(live[arm])));
  const table = el(
    "table",
    {},
    el("caption", { class: "hidden" }, t("arm.caption")),
    el("thead", {}, el("tr", {}, el("td"), heads)),
    el("tbody", { class: "made" }, made),
    el("tbody", {}, figures),
  );
  return [table, el("p", { class: "hint" }, t("arm.apart", live.apart))];
}

function row(name, cell) {
  const cells = ARMS.map((arm) => {
    const [figure, ...basis] = cell(arm);
    return el("td", {}, figure, basis.map((text) => el("span", { class: "basis" }, text)));
  });
  return el("tr", {}, el("th", { scope: "row" }, t(`arm.${name}`)), cells);
}

function satisfaction({ satisfaction: rate, satisfaction_low: low, satisfaction_high: high, rated }) {
  const interval = typeof low === "number" ? [t("arm.interval", percent(low), percent(high))] : [];
  return [percent(rate), ...interval, t("arm.sessions", rated)];
}
