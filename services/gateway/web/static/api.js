// Calls to the server. Whatever goes wrong becomes a Problem that can be shown.
import { named, t } from "./i18n.js";

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

/** The JSON of a GET, or with `body` of a POST; null where there is none. Rejects with Problem, or AbortError. */
export async function call(path, { body, signal, keepalive } = {}) {
  const options = { signal, keepalive, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response, text;
  try {
    response = await fetch(path, options);
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("offline");
  }
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    throw new Problem("unreadable", { status: response.status });
  }
  if (!response.ok) throw new Problem(data?.title ? "refused" : "unreadable", { status: response.status, ...data });
  return data;
}
