// A tool found by typing the beginning of its name.
import { call, Problem } from "./api.js";
import { el, readable } from "./dom.js";
import { t } from "./i18n.js";

const PAUSE_MS = 200;
const MOST = 8;
let made = 0;

/** {node, chosen(): {tool_id, name} | null}: an input with a list below it, by mouse, touch and keys. */
export function toolBox(label) {
  const id = `tools-${++made}`;
  const list = el("ul", { id, role: "listbox", "aria-label": label, hidden: true });
  const news = el("span", { class: "hidden", role: "status" });
  const input = el("input", {
    id: `${id}-input`,
    type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", maxlength: 200,
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id,
    oninput: typed, onkeydown: key, onblur: close,
  });
  let tool = null;
  let found = [];
  let active = -1;
  let running = null;
  const node = el("div", { class: "field combo" }, el("label", { for: input.id }, label), input, list, news);
  return { node, chosen: () => tool };

  async function typed() {
    tool = null;
    running?.abort();
    const mine = (running = new AbortController());
    const q = input.value.trim();
    if (!q) return close();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (mine.signal.aborted) return;
    try {
      const { items } = await call(`/api/v1/tools?${new URLSearchParams({ q, limit: MOST })}`, { signal: mine.signal });
      if (running === mine) show(items);
    } catch (error) {
      if (error instanceof Problem) news.textContent = error.texts.title;
      else if (error.name !== "AbortError") throw error;
    }
  }

  function show(items) {
    found = items;
    const options = items.map((item, n) => option(item, `${id}-${n}`, () => choose(n)));
    list.replaceChildren(...(options.length ? options : [el("li", { class: "hint" }, t("tools.none"))]));
    news.textContent = t("tools.found", items.length);
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    point(-1);
  }

  function close() {
    running?.abort();
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    point(-1);
  }

  function point(n) {
    active = n;
    for (const [place, row] of [...list.children].entries()) row.setAttribute("aria-selected", String(place === n));
    if (n < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[n].id);
    list.children[n].scrollIntoView({ block: "nearest" });
  }

  function choose(n) {
    tool = found[n];
    input.value = tool.name || readable(tool.url);
    close();
  }

  function key(event) {
    if (list.hidden || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const from = active < 0 && step < 0 ? 0 : active;
    if (step && found.length) point((from + step + found.length) % found.length);
    else if (event.key === "Enter" && active >= 0) choose(active);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  }
}

function option({ name, url }, id, choose) {
  // At the press, before the input loses the focus and closes the list.
  const onpointerdown = (event) => {
    event.preventDefault();
    choose();
  };
  const texts = [el("strong", {}, name || readable(url)), el("bdi", {}, readable(url))];
  return el("li", { id, role: "option", onpointerdown }, texts);
}
