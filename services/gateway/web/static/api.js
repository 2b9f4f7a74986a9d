// Calls to the server. Whatever goes wrong becomes a Problem that can be shown.
import { named, t } from "./i18n.js";
import { readEvents, within } from "./sse.js";

// The server says at least that it lives more often than this.
const STALL_MS = 20_000;

/** What went wrong and what to do; the texts are made when shown, for the language may change in between. */
export class Problem extends Error {
  constructor(kind, body = {}) {
    super(kind);
    this.kind = kind;
    this.status = body.status ?? 0;
    this.body = body;
  }

  get texts() {
    if (this.kind !== "refused") {
      return { title: t(`problem.${this.kind}`), detail: "", remedy: t(`problem.${this.kind}.remedy`) };
    }
    const { title, detail, remedy, reason } = this.body;
    const known = named("problems", reason);
    const [ourTitle, ourRemedy] = Array.isArray(known) ? known : [title, remedy];
    const more = detail && detail !== title ? String(detail) : "";
    return { title: String(ourTitle ?? t("problem.unreadable")), detail: more, remedy: String(ourRemedy ?? "") };
  }
}

/** The JSON of a GET, with `body` of a POST, or of `method`, or null. Rejects with Problem, or AbortError. */
export async function call(path, { method, body, signal, keepalive } = {}) {
  const response = await reached(fetch(path, { ...request(method, body), signal, keepalive }));
  return readJson(response);
}

/** The server-sent events of a POST, each with its JSON. Rejects with Problem, or AbortError; an end is just an end. */
export async function* events(path, { body, signal }) {
  const asked = fetch(path, { ...request("POST", body, "text/event-stream"), signal });
  const response = await reached(within(STALL_MS, asked));
  if (!response.ok) await readJson(response);
  const found = readEvents(response.body, STALL_MS);
  try {
    for (;;) {
      const { done, value } = await reached(found.next());
      if (done) return;
      yield { name: value.name, data: parsed(value.data, response.status) };
    }
  } finally {
    found.return();
  }
}

function request(method, body, accept = "application/json") {
  const options = { method: method ?? (body === undefined ? "GET" : "POST"), headers: { Accept: accept } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  return options;
}

async function reached(promise) {
  try {
    return await promise;
  } catch (error) {
    throw error.name === "AbortError" ? error : new Problem("offline");
  }
}

async function readJson(response) {
  const text = await reached(response.text());
  const data = text ? parsed(text, response.status) : null;
  if (!response.ok) throw new Problem(data?.title ? "refused" : "unreadable", { status: response.status, ...data });
  return data;
}

function parsed(text, status) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem("unreadable", { status });
  }
}
