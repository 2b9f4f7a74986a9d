// Looks at something again and again, but not while nobody looks at the page.

/** Calls `look` at once, then every so often until the signal aborts; on coming back to the page without delay. */
export async function follow(signal, everyMs, look) {
  while (!signal.aborted) {
    if (!document.hidden) await look();
    await pause(signal, everyMs);
  }
}

function pause(signal, ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    const seen = () => document.hidden || end();
    signal.addEventListener("abort", end);
    document.addEventListener("visibilitychange", seen);
    function end() {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      document.removeEventListener("visibilitychange", seen);
      resolve();
    }
  });
}
