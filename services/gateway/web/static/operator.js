// Who may come in: the login form, and the way back to it when the server no longer knows the operator.
import { call, Problem } from "./api.js";
import { el, problemBox } from "./dom.js";
import { t } from "./i18n.js";

const $ = (id) => document.getElementById(id);
const NEWS_MS = 6000;
let view = null; // {open(place), close()} of the page
let fading = 0;

/** Shows the page to the operator, to anybody else the form. */
export async function setUpOperator(shown) {
  view = shown;
  $("login").addEventListener("submit", (event) => {
    event.preventDefault();
    logIn();
  });
  $("logout").addEventListener("click", logOut);
  await guard(async () => ((await call("/api/v1/admin")).admin ? enter() : leave()));
}

/** Does some work and shows what goes wrong in it, at `place`; a 401 leads to the form. Returns whether it was done. */
export async function guard(work, place = $("problem")) {
  try {
    await work();
    place.replaceChildren();
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    if (!(error instanceof Problem)) throw error;
    place.replaceChildren();
    if (error.status === 401 && !$("view").hidden) leave("login.again");
    else place.replaceChildren(problemBox(error));
    return false;
  }
}

/** What was done, for a while at the foot of the window: nothing moves for it. */
export function tell(text) {
  $("news").textContent = text;
  clearTimeout(fading);
  if (text) fading = setTimeout(tell, NEWS_MS, "");
}

function enter() {
  $("login").hidden = true;
  $("logout").hidden = false;
  $("view").hidden = false;
  view.open($("view"));
}

function leave(why) {
  view.close();
  $("view").hidden = true;
  $("view").replaceChildren();
  $("logout").hidden = true;
  $("login").hidden = false;
  tell("");
  $("login-why").textContent = why ? t(why) : "";
  $("key").focus();
}

async function logIn() {
  const button = $("login").querySelector("button");
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const done = await guard(() => call("/api/v1/admin/login", { body: { key: $("key").value.trim() } }));
  button.removeAttribute("aria-disabled");
  if (!done) {
    $("key").select();
    return;
  }
  $("key").value = "";
  enter();
  $("main").focus();
}

async function logOut() {
  if (await guard(() => call("/api/v1/admin/logout", { method: "POST" }))) leave("login.gone");
}

/** Asks before something that cannot be undone by a click. Resolves to true or false. */
export function confirmed(title, text, yes) {
  const dialog = $("confirm");
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** A labelled field: a label around its text and its control. */
export function field(text, control, props = {}) {
  return el("label", { class: "field", ...props }, el("span", {}, text), control);
}
