// The operator's pages: the address says which of the two it is.
import * as experiments from "./experiments.js";
import { switchLanguage, t, translatePage } from "./i18n.js";
import * as missed from "./missed.js";
import { setUpOperator, tell } from "./operator.js";

const $ = (id) => document.getElementById(id);
const path = location.pathname.replace(/\/$/, "");
const view = path.endsWith("/missed") ? missed : experiments;

function translate() {
  translatePage();
  $("title").textContent = t(view.TITLE);
  document.title = `${t(view.TITLE)} – Toolscout`;
}

document.querySelector(`nav a[href="${path}"]`)?.setAttribute("aria-current", "page");
$("language").addEventListener("click", () => {
  switchLanguage();
  translate();
  tell("");
  $("problem").replaceChildren();
  if (!$("view").hidden) view.translate();
});
translate();
setUpOperator(view);
