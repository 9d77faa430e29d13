/**
 * Keeps this browser in touch with the server: a stream while that works, polling while it does not.
 *
 * EventSource hides the status, so an attempt that failed is followed by a poll, which tells signed out
 * from out of order, and brings the toasts meanwhile. One clock, `tick`, drives everything: the tabs that
 * follow may drive it too (a hidden tab's own timers are slow).
 */

import { heartbeat, settings } from "./config.js";
import { on } from "../shared/dom.js";
import { backoff, poll, WAIT } from "./poll.js";

/** Milliseconds. A server answers with its snapshot at once; a proxy that buffers never does. */
const FIRST_EVENT = 10_000;
/** Uptime after which a stream was a healthy one. */
const HEALTHY = 10_000;
/** Between attempts to stream while polling works, at least. */
const STREAM_AGAIN = 50_000;
/** Between polls of a browser that is one too many. */
const SLOW = 60_000;
/** Between polls whose server does not wait by itself, at least. */
const UNHURRIED = 10_000;
/** Between looks whether whoever was signed out is signed in again. */
const SIGNED_OUT = 300_000;
/** Between two attempts at least, and between polls. */
const SECOND = 1_000;
/** The time that a stream may be silent, and the clock's step. */
const SILENCE = 2.4 * heartbeat;
const STEP = heartbeat / 15;
const NEVER = Infinity;

/** So that not all pages ask at the same time. */
const about = (time) => time * (1 + Math.random() / 2);

let hooks;
let state = "connecting";
let source = null; // the EventSource, from its attempt to its end
let up = false; // its snapshot is here
let held; // toasts that came before that
let began = 0; // the last attempt
let due; // the next one
let failures;
let fed = 0; // the last event
let quiet; // awake milliseconds since
let ticked;
let asking = null; // the AbortController of the poll under way
let pollDue = NEVER;
let cursor = "";
let slow = false;
let timer;

function set(next) {
  if (next !== state) hooks._show((state = next));
}

export function tick() {
  const now = Date.now();
  // In a frozen tab the events wait just as the timers do: only awake time tells of a silent death.
  quiet += Math.min(now - ticked, 3 * STEP);
  ticked = now;
  if (source && quiet > (up ? SILENCE : FIRST_EVENT)) drop();
  if (now >= due) open();
  if (now >= pollDue) ask();
  clearTimeout(timer);
  timer = setTimeout(tick, Math.min(source ? STEP : SLOW, due - now, pollDue - now));
}

function open() {
  began = ticked = Date.now();
  due = NEVER;
  up = slow = false;
  quiet = 0;
  held = [];
  try {
    source = new EventSource(settings.streamUrl);
    on(source, "toast dismiss sync ping bye", take);
    on(source, "error", drop);
  } catch {
    drop(); // no EventSource here, or one that a policy forbids: as good as a stream that fails
  }
}

function close() {
  source?.close();
  source = null;
  due = NEVER;
}

/** The stream is over, and nobody said why: the browser's own reconnect gives up after most statuses. */
function drop() {
  close();
  if (state === "connected") set("connecting");
  again();
  if (!up) ask();
  tick();
}

/** One that lived was a healthy one: start over gently. One that broke at once: back off further. */
function again() {
  const now = Date.now();
  if (up && now - began > HEALTHY) failures = 0;
  due = now + (cursor ? about(STREAM_AGAIN) : backoff(failures++));
}

function take(event) {
  let data;
  quiet = 0;
  fed = Date.now();
  try {
    data = JSON.parse(event.data);
  } catch {
    data = null; // one broken event must not end the stream
  }
  if (data) EVENTS[event.type](data, event.lastEventId);
}

const EVENTS = {
  toast(toast) {
    if (up) hooks._change({ _put: [toast] });
    else held.push(toast);
  },
  dismiss({ ids }) {
    hooks._change({ _gone: ids });
  },
  ping() {
    hooks._change({});
  },
  /** The end of a snapshot: of the first, which is held until then, or of one that replaces what was missed. */
  sync({ ids }, id) {
    up = true;
    stopPolling();
    all(held.filter((toast) => ids.includes(toast.id)), ids, id);
    held = [];
    set("connected");
  },
  bye({ reason }) {
    close();
    if (reason === "superseded") {
      // The newest browsers have the streams now. This one's is asked for again when somebody looks at it.
      slow = true;
      pollDue = Date.now() + SLOW;
      set("polling");
    } else {
      again();
      if (reason === "auth") hooks._become(""); // before the other tabs hear of it
      if (reason === "rotate") due = began + SECOND; // nobody's business, and the server spreads them
      else set("connecting");
    }
    tick();
  },
};

function all(toasts, ids, id) {
  hooks._become(id);
  hooks._change({ _put: toasts, _ids: ids.map(String) });
}

function stopPolling() {
  asking?.abort();
  asking = null;
  cursor = "";
  pollDue = NEVER;
}

async function ask() {
  if (asking) return;
  pollDue = NEVER;
  const mine = (asking = new AbortController());
  const asked = Date.now();
  const answer = await poll(slow || !cursor ? 0 : WAIT, cursor, mine);
  if (asking !== mine) return;
  asking = null;
  const now = Date.now();
  if (answer._toasts) works(answer, now, now - asked);
  else if (answer._out || state === "signed-out") signOut(now);
  else {
    stopPolling();
    set(answer._offline ? "offline" : "connecting");
    if (!source) due = Math.max(now + answer._after, Math.min(due, now + backoff(failures)));
  }
  tick();
}

/** Polling does. The stream is tried again soon after its first failure, then once in a while. */
function works(answer, now, took) {
  const same = answer._cursor === cursor;
  cursor = answer._cursor;
  if (same) hooks._change({});
  else all(answer._toasts, answer._toasts.map(({ id }) => id), cursor);
  if (state === "signed-out") due = now;
  pollDue = now + (slow ? SLOW : same && took < SECOND ? about(UNHURRIED) : SECOND);
  set("polling");
}

function signOut(now) {
  close();
  stopPolling();
  hooks._become("");
  set("signed-out");
  pollDue = now + SIGNED_OUT;
}

/**
 * @param given._show (state): one of `data-connection`. given._become (name): of the server's state, which
 *   says whose toasts they are; "" is nobody. given._change ({_put: toasts}, {_put, _ids: of all that are
 *   active}, {_gone: ids} or {}: the server is well). Toasts as on the wire, ids of `_ids` as text.
 */
export function start(given = hooks) {
  hooks = given;
  failures = 0;
  due = began + SECOND;
  set("connecting");
  tick();
}

export function stop() {
  clearTimeout(timer);
  close();
  stopPolling();
}

/** Somebody else may be signed in now, or the stream be dead: one may be so for long without an error. */
export function restart() {
  stop();
  start();
}

/** The network or the user is back: look now instead of when the timers say. */
export function wake() {
  const now = Date.now();
  if (state === "signed-out") return;
  // What came while the page was frozen gets a moment to be read.
  if (up && source) quiet = Math.min(now - fed, SILENCE - STEP / 2);
  else {
    close();
    due = Math.max(now, began + SECOND);
  }
  ticked = now;
  tick();
}
