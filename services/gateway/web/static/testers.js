// Sessions that are sent to an arm by name, and links that send whoever opens them.
import { call } from "./api.js";
import { el, refill } from "./dom.js";
import { moment } from "./figures.js";
import { named, t } from "./i18n.js";
import { field, guard, tell } from "./operator.js";

/** {node, update(item)} of the testers of an experiment. */
export function testersPart({ id }, refresh) {
  const path = `/api/v1/experiments/${encodeURIComponent(id)}/testers`;
  const list = el("ul", { class: "rows" });
  const made = el("div", { class: "link" });
  const problem = el("div", { role: "alert" });
  const node = el(
    "details",
    { class: "testers" },
    el("summary", {}, t("testers.title")),
    el("p", { class: "hint" }, t("testers.hint")),
    list,
    addForm(add),
    made,
    problem,
  );
  return { node, update };

  function update({ testers }) {
    const summary = node.querySelector("summary");
    summary.textContent = `${t("testers.title")} (${testers.length})`;
    refill(list, testers, () => testers.map((tester) => testerRow(tester, () => remove(tester.session))));
  }

  async function add(body, clear) {
    const done = await guard(async () => {
      const { url } = await call(path, { body });
      clear();
      made.replaceChildren(...(url ? linkField(new URL(url, location.origin).href) : []));
      await refresh();
    }, problem);
    if (done) tell(t("testers.added"));
  }

  async function remove(session) {
    const done = await guard(async () => {
      await call(`${path}/${encodeURIComponent(session)}`, { method: "DELETE" });
      await refresh();
    }, problem);
    if (!done) return;
    tell(t("testers.removed"));
    node.querySelector("summary").focus();
  }
}

function testerRow({ session, arm, note, at }, remove) {
  const props = { "aria-label": t("testers.remove_one", note || session), onclick: remove };
  const button = el("button", { type: "button", class: "quiet", ...props }, t("testers.remove"));
  const who = [el("strong", {}, named("arms", arm)), el("code", {}, session), note ? el("q", {}, note) : null];
  return el("li", {}, who, moment(at), button);
}

function addForm(add) {
  const arms = ["candidate", "stable"].map((arm) => el("option", { value: arm }, named("arms", arm)));
  const arm = el("select", {}, arms);
  const session = el("input", { type: "text", maxlength: 80, autocomplete: "off", spellcheck: "false" });
  const note = el("input", { type: "text", maxlength: 500, autocomplete: "off" });
  const clear = () => (session.value = note.value = "");
  const onsubmit = (event) => {
    event.preventDefault();
    const given = Object.entries({ arm: arm.value, session: session.value.trim(), note: note.value.trim() });
    add(Object.fromEntries(given.filter(([, value]) => value)), clear);
  };
  return el(
    "form",
    { class: "fields", onsubmit },
    field(t("testers.arm"), arm),
    field(t("testers.session"), session),
    field(t("experiment.note"), note),
    el("button", { type: "submit" }, t("testers.add")),
  );
}

function linkField(href) {
  const input = el("input", { type: "text", readonly: true, value: href, onfocus: () => input.select() });
  const copy = async () => {
    input.select();
    try {
      await navigator.clipboard.writeText(href);
      tell(t("testers.copied"));
    } catch {
      // not allowed here: it is selected, so that Ctrl-C does it
    }
  };
  const button = el("button", { type: "button", class: "quiet", onclick: copy }, t("testers.copy"));
  return [field(t("testers.link"), input), button];
}
