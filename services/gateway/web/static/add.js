// Adding pages: the addresses go to the server, and the job is watched until every page has ended.
import { call } from "./api.js";
import { el, problemBox } from "./dom.js";
import { named, t } from "./i18n.js";

const MOST = 1000;
const EVERY_MS = 1000;
const SLOWEST_MS = 10_000;
const FINAL = new Set(["indexed", "unchanged", "skipped", "failed", "cancelled"]);
const GOOD = new Set(["indexed", "unchanged"]);

const $ = (id) => document.getElementById(id);
let watched = 0;
let shown = null;
let told = () => {};

/** `whenDone` is called when a job has ended and the catalogue may have grown. */
export function setUpAdding(whenDone) {
  told = whenDone;
  const dialog = $("add");
  $("open-add").addEventListener("click", openAdding);
  $("close-add").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  $("add-form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
}

export function openAdding() {
  $("add").showModal();
  $("urls").focus();
}

/** Shows the job again in another language. */
export function translateJob() {
  if (!shown) return;
  $("job-urls").replaceChildren();
  show(shown);
}

/** Addresses, one a line; people leave out the https://. */
function addresses(text) {
  const lines = text.split(/\s*\n\s*/).map((line) => line.trim()).filter(Boolean);
  return [...new Set(lines.map((line) => (line.includes("://") ? line : `https://${line}`)))];
}

async function submit() {
  const urls = addresses($("urls").value);
  const button = $("add-form").querySelector("button");
  if (!urls.length || button.getAttribute("aria-disabled") === "true") return;
  $("add-problem").replaceChildren();
  if (urls.length > MOST) {
    $("add-problem").append(el("p", { class: "notice bad" }, t("add.many", MOST)));
    return;
  }
  button.setAttribute("aria-disabled", "true");
  button.textContent = t("add.sending");
  try {
    const { job_id: jobId } = await call("/api/v1/process_url", { body: { urls } });
    $("urls").value = "";
    $("job-urls").replaceChildren();
    show({ state: "queued", urls: urls.map((url) => ({ url, state: "queued", reason: null })) });
    watch(jobId, ++watched);
  } catch (problem) {
    $("add-problem").replaceChildren(problemBox(problem));
  } finally {
    button.removeAttribute("aria-disabled");
    button.textContent = t("add.button");
  }
}

/** Asks how far the job is until it has ended, or a newer one is watched; slower while nobody answers. */
async function watch(jobId, turn) {
  let wait = EVERY_MS;
  while (turn === watched) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    let job;
    try {
      job = await call(`/api/v1/jobs/${encodeURIComponent(jobId)}`);
    } catch (problem) {
      if (turn !== watched) return;
      $("add-problem").replaceChildren(problemBox(problem));
      if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) return;
      wait = Math.min(wait * 2, SLOWEST_MS);
      continue;
    }
    if (turn !== watched) return;
    wait = EVERY_MS;
    $("add-problem").replaceChildren();
    show(job);
    if (job.urls.every((url) => FINAL.has(url.state))) {
      told();
      return;
    }
  }
}

function show(job) {
  shown = job;
  const all = job.urls.length;
  const done = job.urls.filter((url) => FINAL.has(url.state)).length;
  const good = job.urls.filter((url) => GOOD.has(url.state)).length;
  $("job").hidden = false;
  $("job-progress").max = all;
  $("job-progress").value = done;
  $("job-status").textContent = done === all ? t("job.ended", good, all) : t("job.running", done, all);
  // Only the end is read out: a word each second would drown everything else.
  $("job-news").textContent = done === all ? t("job.ended", good, all) : "";
  const list = $("job-urls");
  job.urls.forEach((url, n) => {
    const key = `${url.url} ${url.state} ${url.reason}`;
    const old = list.children[n];
    if (old?.dataset.key === key) return;
    const row = urlRow(url, key);
    if (old) old.replaceWith(row);
    else list.append(row);
  });
}

function urlRow({ url, state, reason, detail }, key) {
  const kind = GOOD.has(state) ? "good" : FINAL.has(state) ? "bad" : "open";
  const reasonText = reason ? ` – ${named("reasons", reason)}` : "";
  return el(
    "li",
    { class: kind, "data-key": key },
    el("bdi", {}, url),
    el("span", { class: "state", title: reason && detail ? detail : null }, t(`state.${state}`), reasonText),
  );
}
