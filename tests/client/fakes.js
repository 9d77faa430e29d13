/** A fake environment for the client: a clock that a test moves, and a network with a test's answers. */

import { fileURLToPath } from "node:url";

import { buildSync } from "esbuild";

const SOURCES = fileURLToPath(new URL("../../toasts/client", import.meta.url));
/** @type {import("esbuild").BuildOptions & { write: false }} */
const BUNDLE = { bundle: true, format: "iife", globalName: "client", write: false };
const bundles = new Map();

export const BASE = "https://site.example/orders/";

/**
 * @typedef {object} Page
 * @property {Record<string, any> | null} [dataset] Data attributes of the tag of toasts.js; null: there is no such tag.
 * @property {string} [cookie]
 * @property {any} [stored] The content of localStorage.
 * @property {any} [own] The tag of the script that runs.
 * @property {string | null} [form] The CSRF token of a form.
 */

/**
 * Load modules of the client as a new page does, with their own state and their own imports.
 *
 * @param {string} names of the modules, whose exports are merged
 * @param {Page} [page] the page around the modules
 * @returns {any}
 */
export function fresh(
  names,
  { dataset = {}, cookie = "", stored = {}, own = null, form = null } = {},
) {
  const tag = dataset && { heartbeat: "15", ...dataset };
  const page = {
    window: new EventTarget(),
    document: new FakeDocument({ dataset: tag, cookie, currentScript: own, form }),
    location: { href: BASE },
    localStorage: stored,
    navigator: {},
  };
  for (const name in page) {
    Object.defineProperty(globalThis, name, { value: page[name], configurable: true });
  }
  return load(names);
}

function load(names) {
  const paths = names.split(" ");
  const contents = paths.map((name) => `export * from "./${name}.js"`).join("\n");
  if (!bundles.has(contents)) {
    const options = { ...BUNDLE, define: { __VERSION__: '"test"' } };
    const { outputFiles } = buildSync({ stdin: { contents, resolveDir: SOURCES }, ...options });
    bundles.set(contents, outputFiles[0].text);
  }
  return new Function(`${bundles.get(contents)}; return client`)();
}

class FakeDocument extends EventTarget {
  hidden = false;
  baseURI = "https://site.example/";

  /** @param {{ dataset: any, cookie: string, currentScript: any, form: string | null }} parts */
  constructor({ dataset, cookie, currentScript, form }) {
    super();
    this.dataset = dataset;
    this.cookie = cookie;
    this.currentScript = currentScript;
    this.form = form;
  }

  querySelector(query) {
    if (query === "script[data-toasts]") return this.dataset && { dataset: this.dataset };
    return query === "[name=csrfmiddlewaretoken]" && this.form ? { value: this.form } : null;
  }

  createElement() {
    return { textContent: "", setAttribute() {}, append() {} };
  }

  hasFocus = () => true;
}

/** A toast as a page keeps it. */
export function toast(id, changes = {}) {
  globalThis.location ??= /** @type {any} */ ({ href: BASE });
  return load("toasts/wire").readToast(wire(id, changes));
}

/** A toast as the server sends it. */
export function wire(id, changes = {}) {
  const texts = {
    message: `message ${id}`,
    title: "",
    level: "info",
    url: "",
    actions: [],
    key: "",
  };
  const times = { created_at: "2026-01-01T00:00:00Z", expires_at: null, duration: null };
  return { id, ...texts, ...times, progress: null, data: {}, read: false, ...changes };
}

/**
 * The environment as globals of this file. Its clock stops until `pass` is called. random() is 1, which is
 * the longest delay.
 */
class World {
  #time = 1_000_000;
  #timers = [];
  requests = [];
  streams = [];
  sockets = [];

  constructor(respond) {
    this.respond = respond;
  }

  now() {
    return this.#time;
  }

  set(callback, delay = 0) {
    const timer = { callback, at: this.#time + delay };
    this.#timers.push(timer);
    return timer;
  }

  clear(timer) {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  async fetch(url, options) {
    this.requests.push({ url, ...options });
    return this.respond(url, options);
  }

  get timers() {
    return this.#timers.length;
  }

  /** Let time pass, and deliver the answers meanwhile. */
  async pass(milliseconds) {
    const end = this.#time + milliseconds;
    await settle();
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end);
      const [next] = due.sort((one, other) => one.at - other.at);
      if (!next) break;
      this.#time = Math.max(this.#time, next.at);
      this.clear(next);
      next.callback();
      await settle();
    }
    this.#time = end;
  }

  /** Let the machine sleep: the wall clock moves, no timer runs. */
  sleep(milliseconds) {
    this.#time += milliseconds;
    for (const timer of this.#timers) timer.at += milliseconds;
  }
}

/**
 * @param {object} [options]
 * @param {(url: string, options: any) => any} [options.respond] answers a request
 */
export function newWorld({ respond = () => json({ toasts: [], cursor: "0" }) } = {}) {
  const world = new World(respond);
  const keep = (list, Connection) =>
    class extends Connection {
      constructor(url) {
        super(url);
        list.push(this);
      }
    };
  Object.assign(globalThis, {
    setTimeout: (callback, delay) => world.set(callback, delay),
    clearTimeout: (timer) => world.clear(timer),
    fetch: (url, options) => world.fetch(url, options),
    EventSource: keep(world.streams, FakeEventSource),
    WebSocket: keep(world.sockets, FakeSocket),
  });
  Date.now = () => world.now();
  Math.random = () => 1;
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

  send(type, content = {}, lastEventId = "changed") {
    const data = typeof content === "string" ? content : JSON.stringify(content);
    this.dispatchEvent(new MessageEvent(type, { data, lastEventId }));
  }

  fail() {
    this.dispatchEvent(new Event("error"));
  }
}

class FakeSocket extends EventTarget {
  readyState = 1;
  sent = [];
  closed = false;

  constructor(url) {
    super();
    this.url = url;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  receive(event, data, more = {}) {
    const envelope = JSON.stringify({ event, data, ...more });
    this.dispatchEvent(new MessageEvent("message", { data: envelope }));
  }

  end(code) {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

export function json(body, options) {
  return new Response(JSON.stringify(body), options);
}

export function status(code, headers = {}) {
  return new Response(null, { status: code, headers });
}
