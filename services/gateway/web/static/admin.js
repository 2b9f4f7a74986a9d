// The operator's pages: the address says which one it is.
import * as experiments from "./experiments.js";
import { switchLanguage, t, translatePage } from "./i18n.js";
import * as missed from "./missed.js";
import { setUpOperator, tell } from "./operator.js";
import * as pipeline from "./pipeline.js";
import * as registry from "./registry.js";

const $ = (id) => document.getElementById(id);
const path = location.pathname.replace(/\/$/, "");
const views = { "/admin/missed": missed, "/admin/pipeline": pipeline, "/admin/models": registry };
const view = views[path] ?? experiments;

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
