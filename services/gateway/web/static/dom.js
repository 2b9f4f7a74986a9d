// Elements made of text alone: nothing from a page is ever read as HTML.
import { t } from "./i18n.js";

/** An element with properties (`class`, `data-…`, `aria-…` and such become attributes) and children. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Draws a part anew when what it shows has changed, and only then. */
export function refill(node, shown, draw) {
  const key = JSON.stringify(shown);
  if (node.dataset.shown === key) return;
  node.dataset.shown = key;
  node.replaceChildren(...draw());
}

/** Has a place hold these nodes; those that stand there already are not moved, or they would lose the focus. */
export function place(parent, nodes) {
  for (const node of [...parent.children]) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, n) => {
    if (parent.children[n] !== node) parent.insertBefore(node, parent.children[n] ?? null);
  });
}

/** A URL that may become a link, else null. */
export function webUrl(text) {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

/** A link to another site, or its bare text where the address is no web address. */
export function outLink(address, text, props = {}) {
  const url = webUrl(address);
  if (!url) return el("span", {}, text);
  const hidden = el("span", { class: "hidden" }, ` (${t("result.opens")})`);
  return el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer", ...props }, text, hidden);
}

/** Host and path as people read them. */
export function readable(address) {
  const url = webUrl(address);
  if (!url) return String(address);
  const path = url.pathname === "/" ? "" : url.pathname;
  try {
    return url.host.replace(/^www\./, "") + decodeURIComponent(path);
  } catch {
    return url.host + path;
  }
}

/** What went wrong, what to do, and a way to try again. */
export function problemBox(problem, again) {
  const { title, detail, remedy } = problem.texts;
  const box = el("div", { class: "notice bad" }, el("p", { class: "strong" }, title));
  if (detail) box.append(el("p", {}, detail));
  if (remedy) box.append(el("p", {}, remedy));
  if (again) box.append(el("button", { type: "button", class: "quiet", onclick: again }, t("problem.again")));
  return box;
}
