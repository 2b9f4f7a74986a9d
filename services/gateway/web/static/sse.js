// Server-sent events of a fetched body: EventSource itself cannot POST.

export class Stalled extends Error {}

/** A function that takes text as it comes, cut anywhere, and returns the events that it completed: [{name, data}]. */
export function eventParser() {
  let rest = "";
  let name = "";
  let data = [];
  return (text) => {
    // A CR at the very end may be half of a CRLF: it waits.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    return lines.flatMap(take);
  };

  function take(line) {
    if (!line) return finish();
    const [, field, value] = line.match(/^([^:]*):? ?(.*)$/s);
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
    return []; // a line that begins with a colon only says that the server lives
  }

  function finish() {
    const done = data.length ? [{ name: name || "message", data: data.join("\n") }] : [];
    name = "";
    data = [];
    return done;
  }
}

/** The events of a ReadableStream of bytes. Rejects with Stalled after `stallMs` without a byte. */
export async function* readEvents(body, stallMs) {
  const reader = body.getReader();
  const decoder = new TextDecoder(); // keeps the first bytes of a letter until the others come
  const parse = eventParser();
  try {
    for (;;) {
      const { done, value } = await within(stallMs, reader.read());
      if (done) return;
      yield* parse(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {}); // so that the server stops, too
  }
}

/** What `promise` brings, or Stalled if it takes longer. */
export function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Stalled()), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
