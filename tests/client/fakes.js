/** Surroundings for the client's logic: time that moves when told to, a network that says what it is given. */

import { createMemory, safeStorage } from "../../toasts/client/memory.js";
import { createStore } from "../../toasts/client/store.js";
import { readToast } from "../../toasts/client/wire.js";

export const BASE = "https://site.example/orders/";

export function toast(id, changes = {}) {
  return readToast(wire(id, changes), BASE);
}

export function wire(id, changes = {}) {
  return { id, message: `message ${id}`, title: "", level: "info", url: "", actions: [], key: "", progress: null,
    duration: null, data: {}, created_at: "2026-01-01T00:00:00Z", expires_at: null, read: false, ...changes };
}

/** The real storage wrapper around an object, which plays the browser's. */
export function memoryStorage(content = {}) {
  return safeStorage(() => content);
}

export function newMemory(content = {}, who = "alice") {
  const memory = createMemory(memoryStorage(content), "toasts");
  memory._of(who);
  return memory;
}

export function newStore({ memory = newMemory(), left = (toast, reason) => reason === "timeout" && memory._hide(toast) } = {}) {
  const store = createStore(memory, left);
  const changes = [];
  store.subscribe((change) => changes.push(change));
  return { store, changes, ids: () => store.list().map(({ id }) => id) };
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
      world.requests.push({ url, ...options });
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
