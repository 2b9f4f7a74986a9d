// The dialog that takes addresses and shows how each page gets on.
import { call } from "./api.js";
import { element, report } from "./page.js";
import { words } from "./words.js";

const dialog = document.getElementById("add");
const progress = document.getElementById("add-progress");
const status = document.getElementById("add-status");
const list = document.getElementById("add-urls");
const FINAL = new Set(["indexed", "unchanged", "skipped", "failed", "cancelled"]);
let watching = 0;

export function prepareAdding(whenDone) {
  document.getElementById("add-open").addEventListener("click", () => dialog.showModal());
  document.getElementById("add-close").addEventListener("click", () => dialog.close());
  document.getElementById("add-form").addEventListener("submit", event => {
    event.preventDefault();
    send().then(whenDone, error => report(status, error.text ?? String(error), true));
  });
}

async function send() {
  const urls = document.getElementById("urls").value.split("\n").map(line => line.trim()).filter(Boolean);
  if (!urls.length) return;
  const mine = ++watching;
  const { job_id: id } = await call("/api/v1/process_url", { urls });
  progress.hidden = false;
  while (mine === watching) {
    const job = await call(`/api/v1/jobs/${id}`);
    show(job.urls);
    if (FINAL.has(job.state)) return;
    await new Promise(wake => setTimeout(wake, 1000));
  }
}

function show(urls) {
  const done = urls.filter(url => FINAL.has(url.state)).length;
  progress.max = urls.length;
  progress.value = done;
  report(status, words.progress(done, urls.length));
  list.replaceChildren(...urls.map(row => {
    const reason = row.reason ? ` (${words.reasons[row.reason] ?? row.reason})` : "";
    const item = element("li", { class: row.state === "failed" ? "wrong" : "" });
    item.append(element("strong", {}, (words.states[row.state] ?? row.state) + reason), element("br"), row.url);
    return item;
  }));
}
