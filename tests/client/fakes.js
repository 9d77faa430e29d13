/** Surroundings for the client's logic: time that moves when told to, a network that says what it is given. */

import { fileURLToPath } from "node:url";

import { buildSync } from "esbuild";

const SOURCES = fileURLToPath(new URL("../../toasts/client", import.meta.url));
const bundles = new Map();
/** What toasts/html.py writes. */
const TAG = {
  streamUrl: "/toasts/stream/", pollUrl: "/toasts/poll/", apiUrl: "/toasts/api/toasts/", csrfCookie: "csrftoken",
  csrfHeader: "X-CSRFToken", heartbeat: "15", limit: "3", position: "bottom-end", hotkey: "F6 alt+KeyT",
  region: "Notifications", dismiss: "Dismiss: {text}", summary: "{n} new notifications",
  hint: "Press F6 to reach the notifications.", info: "Info", success: "Success", warning: "Warning", error: "Error",
};

/**
 * Modules of the client as a new page has them: what they know, and what they import, is theirs alone.
 * @param names of the modules, whose exports come back together. @param page what it finds around it.
 */
export function fresh(names, { dataset = {}, cookie = "", stored = {} } = {}) {
  const page = {
    window: new EventTarget(),
    document: new FakeDocument({ ...TAG, ...dataset }, cookie),
    location: { href: BASE },
    localStorage: stored,
    navigator: {},
  };
  for (const name in page) Object.defineProperty(globalThis, name, { value: page[name], configurable: true });
  return load(names);
}

function load(names) {
  const contents = names.split(" ").map((name) => `export * from "./${name}.js"`).join("\n");
  if (!bundles.has(contents)) {
    const options = { bundle: true, format: "iife", globalName: "client", define: { __VERSION__: '"test"' }, write: false };
    bundles.set(contents, buildSync({ stdin: { contents, resolveDir: SOURCES }, ...options }).outputFiles[0].text);
  }
  return new Function(`${bundles.get(contents)}; return client`)();
}

class FakeDocument extends EventTarget {
  hidden = false;

  constructor(dataset, cookie) {
    super();
    Object.assign(this, { dataset, cookie });
  }

  querySelector(query) {
    return query === "script[data-toasts]" && this.dataset && { dataset: this.dataset };
  }

  createElement() {
    return { textContent: "", setAttribute() {}, append() {} };
  }

  hasFocus = () => true;
}

export const BASE = "https://site.example/orders/";

/** One as its page knows it. */
export function toast(id, changes = {}) {
  globalThis.location ??= { href: BASE };
  return load("toasts/wire").readToast(wire(id, changes));
}

export function wire(id, changes = {}) {
  return { id, message: `message ${id}`, title: "", level: "info", url: "", actions: [], key: "", progress: null,
    duration: null, data: {}, created_at: "2026-01-01T00:00:00Z", expires_at: null, read: false, ...changes };
}

/** The world, as this file's globals: its clock stands still until `pass` is called; random() is 1, the longest delay. */
export function newWorld({ respond = () => json({ toasts: [], cursor: "0" }) } = {}) {
  let time = 1_000_000;
  let timers = [];
  const world = {
    requests: [],
    streams: [],
    respond,
    now: () => time,
    random: () => 1,
    set(callback, delay) {
      const timer = { callback, at: time + delay };
      timers.push(timer);
      return timer;
    },
    clear(timer) {
      timers = timers.filter((other) => other !== timer);
    },
    async fetch(url, options) {
      world.requests.push({ url, ...options, signal: options?.signal }); // an accessor, where it is a controller
      return world.respond(url, options);
    },
    get timers() {
      return timers.length;
    },
    /** Time passes, and every answer on the way is taken. */
    async pass(milliseconds) {
      const end = time + milliseconds;
      await settle();
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
        if (!next) break;
        time = Math.max(time, next.at);
        world.clear(next);
        next.callback();
        await settle();
      }
      time = end;
    },
    /** The machine sleeps: the wall clock moves, no timer runs. */
    sleep(milliseconds) {
      time += milliseconds;
      for (const timer of timers) timer.at += milliseconds;
    },
  };
  world.EventSource = class extends FakeEventSource {
    constructor(url) {
      super(url);
      world.streams.push(this);
    }
  };
  Object.assign(globalThis, { setTimeout: world.set, clearTimeout: world.clear, fetch: world.fetch, EventSource: world.EventSource });
  Date.now = world.now;
  Math.random = world.random;
  return world;
}

function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

class FakeEventSource extends EventTarget {
  closed = false;

  constructor(url) {
    super();
    this.url = url;
  }

  close() {
    this.closed = true;
  }

  send(type, data = {}, lastEventId = "changed") {
    this.dispatchEvent(new MessageEvent(type, { data: typeof data === "string" ? data : JSON.stringify(data), lastEventId }));
  }

  fail() {
    this.dispatchEvent(new Event("error"));
  }
}

export function json(body, options) {
  return new Response(JSON.stringify(body), options);
}

export function status(code, headers = {}) {
  return new Response(null, { status: code, headers });
}
