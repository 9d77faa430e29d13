// One feed over each of its transports. `open(url, {event, state})` calls `event(name, data)` for
// each event, whichever way it came, and `state` with connecting, live or ended; it returns what
// closes it. `url` is a function that is asked anew for each connection, given the last id.

const FINAL = [1003, 1009, 4401, 4403, 4404]; // close codes after which asking again is no use
const WAIT = 25; // seconds of a poll, below the patience of any proxy

/** By EventSource, which reconnects by itself, but at the address that it knows. */
export function stream(url, { event, state }) {
  let source;
  let closed = false;
  state("connecting");
  void url("").then((address) => {
    if (closed) return;
    source = new EventSource(address);
    for (const name of ["change", "remove", "sync", "bye"]) {
      source.addEventListener(name, ({ data }) => event(name, JSON.parse(data)));
    }
    source.addEventListener("open", () => state("live"));
    source.addEventListener("error", () => {
      state(source.readyState === EventSource.CLOSED ? "ended" : "connecting");
    });
  });
  return () => {
    closed = true;
    source?.close();
  };
}

export function socket(url, { event, state }) {
  let current;
  let closed = false;
  let cursor = "";
  let failures = 0;
  const connect = async () => {
    state("connecting");
    const address = await url(cursor);
    if (closed) return;
    current = new WebSocket(address.replace(/^http/, "ws"));
    current.addEventListener("message", ({ data }) => {
      const said = JSON.parse(data);
      if (said.event !== "bye") state("live");
      if (said.id) cursor = said.id;
      failures = 0;
      event(said.event, said.data);
    });
    current.addEventListener("close", async ({ code }) => {
      if (closed) return;
      if (FINAL.includes(code)) return state("ended");
      state("connecting");
      await pause(failures++);
      if (!closed) void connect();
    });
  };
  void connect();
  return () => {
    closed = true;
    current?.close();
  };
}

export function poll(url, { event, state }) {
  const over = new AbortController();
  const { signal } = over;
  void (async () => {
    let cursor = "";
    let failures = 0;
    state("connecting");
    while (!signal.aborted) {
      try {
        const response = await fetch(await url(cursor, { wait: WAIT }), { signal });
        if (response.status >= 400 && response.status < 500) return state("ended");
        const said = await response.json();
        cursor = said.cursor;
        failures = 0;
        state("live");
        for (const { event: name, data } of said.events) event(name, data);
      } catch {
        if (signal.aborted) return;
        state("connecting");
        await pause(failures++);
      }
    }
  })();
  return () => over.abort();
}

/** Longer and longer, at most 15 seconds, and not all pages of a server that fell at once. */
function pause(failures) {
  const seconds = Math.min(15, 2 ** failures) * (0.5 + Math.random() / 2);
  return new Promise((done) => setTimeout(done, seconds * 1000));
}
