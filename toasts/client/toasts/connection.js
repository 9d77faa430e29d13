/**
 * Keeps this browser in touch with the server: a stream while that works, polling while it does not.
 *
 * EventSource hides the status, so an attempt that failed is followed by a poll. Its status distinguishes
 * "signed out" from "out of order", and it brings the toasts meanwhile. One clock, `tick`, drives everything: the tabs that
 * follow may drive it, too, because a hidden tab's own timers are slow.
 */

import { fullJitter, spread } from "../shared/backoff.js";
import { listen } from "../shared/dom.js";
import { parseJson } from "../shared/json.js";
import { pauseAfterPoll, WAIT } from "../shared/polling.js";
import { STEP, Watchdog } from "../shared/watchdog.js";
import { settings } from "./config.js";
import { poll } from "./poll.js";

/** @import { ConnectionState, RawToast, Update } from "./types.d.ts" */
/** @import { PollAnswer } from "./poll.js" */

/** Milliseconds of uptime after which a stream was a healthy one. */
const HEALTHY = 10_000;
/** Milliseconds between two attempts to stream while polling works, at least. */
const STREAM_AGAIN = 50_000;
/** Milliseconds between two polls of a browser that has one stream too many. */
const SUPERSEDED_PAUSE = 60_000;
/** Milliseconds between two checks whether a user who signed out has signed in again. */
const SIGNED_OUT_PAUSE = 300_000;
/** Milliseconds between two attempts to stream, at least. */
const SHORTEST_PAUSE = 1_000;
/** Milliseconds over which the pages come back whose server restarts. */
const RESTART_SPREAD = 3_000;
const NEVER = Infinity;

/**
 * @typedef {object} Handlers
 * @property {(state: ConnectionState) => void} onState
 * @property {(stateName: string) => void} onOwner Whose toasts they are: the server's name of their state,
 *   or "" for nobody. It is called before the toasts are.
 * @property {(update: Update) => void} onUpdate An empty update means that the server is well.
 */

/** @type {Handlers} */
let handlers;
/** @type {ConnectionState} */
let state = "connecting";
/** @type {EventSource | null} */
let source = null; // from its attempt to its end
let watchdog = new Watchdog();
let hasSynced = false; // the stream's snapshot is complete
/** @type {RawToast[]} */
let snapshot = []; // until then
let openedAt = 0;
let openAt = NEVER;
let failures = 0;
/** @type {AbortController | null} */
let polling = null; // the poll under way
let pollAt = NEVER;
let cursor = "";
let isSuperseded = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {ConnectionState} next */
function setState(next) {
  if (next === state) return;
  state = next;
  handlers.onState(state);
}

/** Do what is due. */
export function tick() {
  // A line that died is replaced at once, unless something never lets a stream through.
  if (source && watchdog.isSilent()) onFailure(hasSynced && "rotate");
  const now = Date.now();
  if (now >= openAt) openStream();
  if (now >= pollAt) pollOnce();
  scheduleTick();
}

function scheduleTick() {
  const now = Date.now();
  const untilNextLook = source ? STEP : SUPERSEDED_PAUSE;
  clearTimeout(timer);
  timer = setTimeout(tick, Math.min(untilNextLook, openAt - now, pollAt - now));
}

function openStream() {
  openedAt = Date.now();
  openAt = NEVER;
  hasSynced = false;
  isSuperseded = false;
  snapshot = [];
  watchdog = new Watchdog();
  try {
    source = new EventSource(settings.streamUrl);
    listen(source, "toast dismiss sync ping bye", onEvent);
    listen(source, "error", () => onFailure());
  } catch {
    onFailure(); // no EventSource here, or one that a policy forbids
  }
}

function closeStream() {
  source?.close();
  source = null;
  openAt = NEVER;
}

// The browser's own reconnect gives up after most statuses.
/** @param {string | false} [reason] of a goodbye that did not come, to go on as after it */
function onFailure(reason) {
  closeStream();
  if (state === "connected") setState("connecting");
  scheduleStream(reason);
  if (!hasSynced) pollOnce();
  tick();
}

/** @param {string | false} [reason] that the server gave */
function scheduleStream(reason) {
  const now = Date.now();
  const wasHealthy = hasSynced && now - openedAt > HEALTHY;
  if (wasHealthy) failures = 0;
  if (reason === "rotate")
    openAt = openedAt + SHORTEST_PAUSE; // the server spreads them
  else if (reason === "restart" && wasHealthy) openAt = now + Math.random() * RESTART_SPREAD;
  else if (cursor)
    openAt = now + spread(STREAM_AGAIN); // polling works
  else openAt = now + fullJitter(failures++, SHORTEST_PAUSE);
}

/** @param {MessageEvent} event */
function onEvent(event) {
  watchdog.feed();
  const data = parseJson(event.data);
  if (data) EVENTS[event.type](data, event.lastEventId);
}

/** @type {Record<string, (data: any, stateName: string) => void>} */
const EVENTS = {
  toast(toast) {
    if (hasSynced) handlers.onUpdate({ toasts: [toast] });
    else snapshot.push(toast);
  },

  dismiss({ ids }) {
    handlers.onUpdate({ goneIds: ids });
  },

  ping() {
    handlers.onUpdate({});
  },

  /** The end of a snapshot: of the first, which is held until then, or of one that replaces what was missed. */
  sync({ ids }, stateName) {
    const toasts = snapshot.filter(({ id }) => ids.includes(id));
    hasSynced = true;
    snapshot = [];
    stopPolling();
    replaceAll(toasts, ids, stateName);
    setState("connected");
  },

  bye({ reason }) {
    closeStream();
    if (reason === "superseded") pollSlowly();
    else reconnect(reason);
    tick();
  },
};

/** The newest browsers have the streams now. This one's is opened again when somebody looks at it. */
function pollSlowly() {
  isSuperseded = true;
  pollAt = Date.now() + SUPERSEDED_PAUSE;
  setState("polling");
}

/** @param {string} reason */
function reconnect(reason) {
  scheduleStream(reason);
  if (reason === "auth") handlers.onOwner(""); // before the other tabs learn of it
  if (reason !== "rotate") setState("connecting"); // nobody needs to know of a rotation
}

/**
 * @param {RawToast[]} toasts
 * @param {unknown[]} ids of all that are active
 * @param {string} stateName
 */
function replaceAll(toasts, ids, stateName) {
  handlers.onOwner(stateName);
  handlers.onUpdate({ toasts, activeIds: ids.map(String) });
}

function stopPolling() {
  polling?.abort();
  polling = null;
  cursor = "";
  pollAt = NEVER;
}

async function pollOnce() {
  if (polling) return;
  pollAt = NEVER;
  const current = new AbortController();
  polling = current;
  const wait = isSuperseded || !cursor ? 0 : WAIT;
  const answer = await poll(wait, cursor, current.signal);
  if (polling !== current) return;
  polling = null;
  onAnswer(answer);
  tick();
}

/** @param {PollAnswer} answer */
function onAnswer(answer) {
  if (answer.toasts) onToasts(answer.toasts, answer);
  else if (answer.signedOut || state === "signed-out") signOut();
  else onTrouble(answer);
}

/**
 * Polling works. The stream is tried again soon after its first failure, then once in a while.
 *
 * @param {RawToast[]} toasts
 * @param {PollAnswer} answer
 */
function onToasts(toasts, answer) {
  const now = Date.now();
  const hasChanged = answer.cursor !== cursor;
  const ids = toasts.map(({ id }) => id);
  cursor = answer.cursor;
  if (hasChanged) replaceAll(toasts, ids, cursor);
  else handlers.onUpdate({});
  if (state === "signed-out") openAt = now;
  const pause = pauseAfterPoll(hasChanged, answer.took, SHORTEST_PAUSE);
  pollAt = now + (isSuperseded ? SUPERSEDED_PAUSE : pause);
  setState("polling");
}

function signOut() {
  closeStream();
  stopPolling();
  handlers.onOwner("");
  setState("signed-out");
  pollAt = Date.now() + SIGNED_OUT_PAUSE;
}

/** @param {PollAnswer} answer */
function onTrouble(answer) {
  const now = Date.now();
  stopPolling();
  setState(answer.status === 0 ? "offline" : "connecting");
  if (source) return;
  const soonest = Math.min(openAt, now + fullJitter(failures, SHORTEST_PAUSE));
  openAt = Math.max(now + answer.retryAfter, soonest);
}

/**
 * Connect.
 *
 * @param {Handlers} [given]
 */
export function start(given = handlers) {
  handlers = given;
  failures = 0;
  openAt = openedAt + SHORTEST_PAUSE;
  setState("connecting");
  tick();
}

/** Disconnect. */
export function stop() {
  clearTimeout(timer);
  closeStream();
  stopPolling();
}

/** Connect again: another user may be signed in now, or the stream may be dead. */
export function restart() {
  stop();
  start();
}

/** The user is back: a stream whose ping is overdue is given up. */
export function look() {
  if (hasSynced) watchdog.wake();
  tick();
}

/** Connect at once instead of at the next timer: the network or the user is back. */
export function wake() {
  if (state === "signed-out") return;
  if (!source || !hasSynced) {
    closeStream();
    openAt = Math.max(Date.now(), openedAt + SHORTEST_PAUSE);
  }
  look();
}
