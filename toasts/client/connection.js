/**
 * Keeps this browser in touch with the server: a stream while that works, polling while it does not.
 *
 * EventSource hides the status, so an attempt that failed is followed by a poll, which tells signed out
 * from out of order, and brings the toasts meanwhile. One clock, `tick`, drives everything: the tabs that
 * follow may drive it too (a hidden tab's own timers are slow).
 */

import { on } from "./dom.js";
import { backoff, poll, WAIT, whose } from "./poll.js";

/** Milliseconds. A server answers with its snapshot at once; a proxy that buffers never does. */
const FIRST_EVENT = 10_000;
/** Uptime after which a stream was a healthy one. */
const HEALTHY = 10_000;
/** Between attempts to stream while polling works; between polls of a browser that is one too many. */
const STREAM_AGAIN = 60_000;
const SLOW = 60_000;
/** Between polls whose server does not wait by itself. */
const UNHURRIED = 10_000;
/** Between looks whether whoever was signed out is signed in again. */
const SIGNED_OUT = 300_000;
/** Over which the reconnects of a farewell are spread. */
const SPREAD = { restart: 3_000 };

/**
 * @param tell._state (state): one of `data-connection`. tell._all (toasts, who): all that is active, and
 *   whose; who "" is nobody. tell._toast (toast), tell._gone (ids): what changed. Toasts as on the wire.
 */
export function createConnection(config, tell) {
  const step = config.heartbeat / 15;
  const limit = 2.4 * config.heartbeat;
  let state = "connecting";
  let running = false;
  let source = null; // the EventSource, from its attempt to its end
  let up = false; // its snapshot is here
  let toasts = new Map(); // what is active, by id
  let held; // the same of a snapshot under way
  let began = 0; // the last attempt
  let due = 0; // the next one
  let failures = 0;
  let fed = 0; // the last event
  let quiet = 0; // awake milliseconds since
  let ticked = 0;
  let asking = null; // the AbortController of the poll under way
  let pollDue = Infinity;
  let cursor = "";
  let slow = false;
  let timer;

  function set(next) {
    if (next !== state) tell._state((state = next));
  }

  function all(list, who) {
    toasts = new Map(list.map((toast) => [`${toast.id}`, toast]));
    tell._all(list, who);
  }

  function tick() {
    if (!running) return;
    const now = Date.now();
    // In a frozen tab the events wait just as the timers do: only awake time tells of a silent death.
    quiet += Math.min(now - ticked, 3 * step);
    ticked = now;
    if (source && quiet > (up ? limit : FIRST_EVENT)) drop();
    if (!source && now >= due) state === "signed-out" ? ask() : open();
    if (now >= pollDue) ask();
    clearTimeout(timer);
    timer = setTimeout(tick, Math.max(0, Math.min(source ? step : SLOW, due - now, pollDue - now)));
  }

  function open() {
    began = ticked = Date.now();
    due = Infinity;
    up = slow = false;
    quiet = 0;
    held = new Map();
    try {
      source = new EventSource(config.streamUrl);
      on(source, "toast dismiss sync ping bye", take);
      on(source, "error", drop);
    } catch {
      drop(); // no EventSource here, or one that a policy forbids: as good as a stream that fails
    }
  }

  function close() {
    source?.close();
    source = null;
    due = Infinity;
  }

  /** The stream is over, and nobody said why: the browser's own reconnect gives up after most statuses. */
  function drop() {
    if (!running) return;
    close();
    if (state === "connected") set("connecting");
    again(0);
    if (!up) ask();
    tick();
  }

  /** One that lived was a healthy one: start over gently. One that broke at once: back off further. */
  function again(spread) {
    const now = Date.now();
    const healthy = up && now - began > HEALTHY;
    if (healthy) failures = 0;
    if (healthy && spread) due = now + Math.random() * spread;
    else due = now + (cursor ? STREAM_AGAIN * (0.75 + Math.random() / 2) : backoff(failures++));
  }

  function take({ type, data, lastEventId, target }) {
    if (target !== source) return;
    quiet = 0;
    fed = Date.now();
    try {
      data = JSON.parse(data);
    } catch {
      data = null; // one broken event must not end the stream
    }
    if (!data) return;
    if (type === "toast") add(data);
    if (type === "dismiss") remove(data.ids);
    if (type === "sync") sync(data.ids.map(String), whose(lastEventId));
    if (type === "bye") bye(data.reason);
  }

  function add(toast) {
    (up ? toasts : held).set(`${toast.id}`, toast);
    if (up) tell._toast(toast);
  }

  function remove(ids) {
    for (const id of ids) (up ? toasts : held).delete(`${id}`);
    if (up) tell._gone(ids);
  }

  /** The end of a snapshot: of the first, which is held until then, or of one that replaces what was missed. */
  function sync(ids, who) {
    const found = up ? toasts : held;
    up = true;
    stopPolling();
    all([...found.values()].filter(({ id }) => ids.includes(`${id}`)), who);
    set("connected");
  }

  function bye(reason) {
    close();
    if (reason === "superseded") {
      // The newest browsers have the streams now. This one's is asked for again when somebody looks at it.
      slow = true;
      pollDue = Date.now() + SLOW;
      set("polling");
    } else {
      if (reason === "auth") all([], "");
      if (reason !== "rotate") set("connecting"); // a rotation is nobody's business
      again(SPREAD[reason] ?? 1_000);
    }
    tick();
  }

  function stopPolling() {
    asking?.abort();
    asking = null;
    cursor = "";
    pollDue = Infinity;
  }

  async function ask() {
    if (asking) return;
    pollDue = Infinity;
    if (state === "signed-out") due = Infinity;
    const mine = (asking = new AbortController());
    const began = Date.now();
    const answer = await poll(config, slow || !cursor ? 0 : WAIT, cursor, [mine.signal]);
    if (asking !== mine) return;
    asking = null;
    const now = Date.now();
    if (answer._out) signOut(now);
    else if (answer._toasts) works(answer, now, now - began);
    else if (state === "signed-out") due = now + SIGNED_OUT;
    else {
      stopPolling();
      set(answer._offline ? "offline" : "connecting");
      due = Math.max(now + (answer._after ?? 0), Math.min(due, now + backoff(failures)));
    }
    tick();
  }

  /** Polling does. The stream is tried again soon after its first failure, then once in a while. */
  function works({ _toasts, _cursor, _who }, now, took) {
    const same = _cursor === cursor;
    cursor = _cursor;
    if (!same) all(_toasts, _who);
    if (state === "signed-out") due = now;
    pollDue = now + (slow ? SLOW : same && took < 1000 ? UNHURRIED * (1 + Math.random() / 2) : Math.max(0, 1000 - took));
    set("polling");
  }

  function signOut(now) {
    close();
    stopPolling();
    all([], "");
    set("signed-out");
    due = now + SIGNED_OUT;
  }

  function start() {
    if (running) return;
    running = true;
    failures = 0;
    due = began + 1000;
    set("connecting");
    tick();
  }

  function stop() {
    running = false;
    clearTimeout(timer);
    close();
    stopPolling();
  }

  return {
    _start: start,
    _stop: stop,
    _tick: tick,
    /** Somebody else may be signed in now. */
    _restart() {
      stop();
      start();
    },
    /** The network or the user is back: look now instead of when the timers say. */
    _wake() {
      const now = Date.now();
      if (!running || state === "signed-out") return;
      // What came while the page was frozen gets a moment to be read.
      if (source && up && now - fed > limit) quiet = Math.max(quiet, limit - step / 2);
      if (!up || !source) {
        close();
        due = Math.max(now, began + 1000);
      }
      ticked = now;
      tick();
    },
    /** The network is gone, says the browser: a stream may then be dead for long without an error. */
    _doubt() {
      if (!source) return;
      drop();
      ask();
    },
    _all: () => [...toasts.values()],
    _has: (id) => toasts.has(id),
    get _state() {
      return state;
    },
  };
}
