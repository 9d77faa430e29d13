/**
 * Keeps this page in touch with the server: a stream while that works, polling while it does not.
 *
 * EventSource hides the status, so an attempt that failed is followed by a probe of the poll view, which
 * tells signed out from out of order, and brings the toasts meanwhile.
 */

import { createBackoff } from "./backoff.js";
import { createPoller } from "./poller.js";
import { openStream } from "./stream.js";

/** Failed attempts in a row after which polling takes over. */
const ATTEMPTS = 3;
/** Milliseconds: between attempts while polling; uptime after which a stream counts as healthy. */
const STREAM_AGAIN = 60_000;
const HEALTHY = 10_000;
/** Milliseconds over which a farewell's reconnects are spread. */
const SPREAD = 1_000;
const SPREAD_RESTART = 3_000;

/**
 * @param onState called as (state, previous); states are those of `data-connection`.
 */
export function createConnection({ streamUrl, poll, heartbeat, world, inbox, onState }) {
  const backoff = createBackoff(world);
  const poller = createPoller({ poll, world, onAnswer: (answer) => take(answer) });
  let state = "connecting";
  let running = false;
  let stream = null;
  let probing = null; // the AbortController of the probe under way
  let retry = null;
  let failed = 0;
  let upSince = 0;

  function set(next) {
    if (next === state) return;
    const previous = state;
    state = next;
    onState(next, previous);
  }

  function start() {
    if (running) return;
    running = true;
    failed = 0;
    backoff.reset();
    set("connecting");
    connect();
  }

  function stop() {
    running = false;
    poller.stop();
    closeProbe();
    closeStream();
    cancelRetry();
  }

  function connect() {
    cancelRetry();
    if (!running || stream) return;
    closeProbe();
    inbox.open();
    try {
      stream = openStream({ url: streamUrl, heartbeat, world, onUp, onDown, onEvent });
    } catch {
      onDown(false); // no EventSource here, or one that a policy forbids: as good as a stream that fails
    }
  }

  function later(delay) {
    cancelRetry();
    retry = world.set(connect, delay);
  }

  function cancelRetry() {
    world.clear(retry);
    retry = null;
  }

  function closeStream() {
    stream?.close();
    stream = null;
    inbox.close();
  }

  function closeProbe() {
    probing?.abort();
    probing = null;
  }

  function onUp() {
    failed = 0;
    upSince = world.now();
    poller.stop();
    set("connected");
  }

  function onDown(wasUp) {
    closeStream();
    if (state === "connected") set("connecting");
    if (wasUp) return later(penalty() || backoff.next());
    failed += 1;
    if (poller.active) later(streamAgain());
    else probe();
  }

  /** A stream that lived was a healthy one: start over gently. One that broke at once: back off further. */
  function penalty() {
    if (world.now() - upSince < HEALTHY) return backoff.next();
    backoff.reset();
    return 0;
  }

  async function probe() {
    const mine = (probing = new AbortController());
    const answer = await poll({ signal: mine.signal });
    if (probing !== mine) return;
    probing = null;
    const works = answer.kind === "snapshot" && failed >= ATTEMPTS; // polling does, the stream does not
    take(answer, works ? "polling" : "connecting");
    if (!running) return;
    if (works) poller.start(answer);
    later(works ? streamAgain() : backoff.next(answer.retryAfter));
  }

  function take(answer, working = "polling") {
    if (answer.kind === "signed-out") return signOut();
    if (answer.kind === "snapshot") inbox.snapshot(answer.toasts);
    set({ snapshot: working, offline: "offline" }[answer.kind] ?? "connecting");
  }

  function streamAgain() {
    return STREAM_AGAIN * (0.75 + 0.5 * world.random());
  }

  function signOut() {
    stop();
    inbox.clear("signed-out");
    set("signed-out");
  }

  function onEvent(type, data) {
    if (type === "bye") bye(data.reason);
    else if (type !== "ping") inbox[type](data);
  }

  function bye(reason) {
    closeStream();
    if (reason === "superseded") {
      // The newest tabs have the streams now: asking for this one's back would cut another off.
      set("polling");
      return poller.start({ slow: true });
    }
    if (reason === "auth") inbox.clear("signed-out");
    if (reason !== "rotate") set("connecting"); // a rotation is nobody's business
    later(penalty() + world.random() * (reason === "restart" ? SPREAD_RESTART : SPREAD));
  }

  /** The network or the user is back: look now instead of when the timers say. */
  function wake() {
    if (!running) return;
    poller.wake();
    if (stream) stream.check();
    else if (retry !== null) connect();
  }

  /** The network is gone, says the browser: a stream may then be dead for long without an error. */
  function doubt() {
    if (stream) onDown(state === "connected");
  }

  return {
    start,
    stop,
    wake,
    doubt,
    /** The page was swapped or restored: whoever was signed out may be signed in now. */
    again: () => (running ? wake() : start()),
    get state() {
      return state;
    },
  };
}
