/** The way without a stream: one question (also the probe that tells why a stream failed), and a loop of them. */

import { createBackoff } from "./backoff.js";

/** Seconds that the server may hold a long poll, and that an answer may take beyond that. */
const WAIT = 25;
const SLACK = 15;
/** Milliseconds: between polls when superseded, and when the server does not wait by itself. */
const SLOW = 60_000;
const UNHURRIED = 10_000;
const AT_MOST_EVERY = 1_000;
const LONGEST_RETRY_AFTER = 300;

/**
 * @returns poll({wait, cursor, signal}), which never rejects: `{kind}` is `snapshot` (with `toasts` and
 *   `cursor`), `signed-out`, `failed` (with `retryAfter` in milliseconds) or `offline`.
 */
export function createPoll({ url, world }) {
  return async function poll({ wait = 0, cursor = "", signal }) {
    try {
      return await read(
        await world.fetch(address(url, wait, cursor), {
          signal: AbortSignal.any([signal, AbortSignal.timeout((wait + SLACK) * 1000)]),
        }),
      );
    } catch {
      return { kind: "offline" };
    }
  };
}

function address(url, wait, cursor) {
  if (!wait && !cursor) return url;
  return `${url}?${new URLSearchParams({ ...(wait && { wait }), ...(cursor && { cursor }) })}`;
}

async function read(response) {
  if (response.status === 204 || response.status === 401) return { kind: "signed-out" };
  if (!response.ok) return { kind: "failed", retryAfter: retryAfter(response) };
  const body = await response.json().catch(() => null);
  if (Array.isArray(body?.toasts)) return { kind: "snapshot", toasts: body.toasts, cursor: body.cursor ?? "" };
  // A site that sends everyone to its login page first.
  return response.redirected ? { kind: "signed-out" } : { kind: "failed", retryAfter: 0 };
}

/** `Retry-After` in milliseconds, 0 when there is none (its date form is not worth its bytes here). */
export function retryAfter(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  return seconds > 0 ? Math.min(seconds, LONGEST_RETRY_AFTER) * 1000 : 0;
}

/**
 * Asks again and again. `onAnswer` gets every answer and may call stop().
 */
export function createPoller({ poll, world, onAnswer }) {
  let run = null;

  function schedule(mine, delay) {
    mine.timer = world.set(() => step(mine), delay);
  }

  async function step(mine) {
    mine.timer = null;
    const began = world.now();
    const answer = await poll({ wait: mine.slow ? 0 : WAIT, cursor: mine.cursor, signal: mine.abort.signal });
    if (run === mine) onAnswer(answer);
    if (run === mine) schedule(mine, pause(mine, answer, world.now() - began));
  }

  function pause(mine, answer, took) {
    if (answer.kind !== "snapshot") return mine.backoff.next(answer.retryAfter);
    const unchanged = answer.cursor === mine.cursor;
    mine.cursor = answer.cursor;
    mine.backoff.reset();
    if (mine.slow) return SLOW * (0.9 + 0.2 * world.random());
    if (unchanged && took < AT_MOST_EVERY) return UNHURRIED * (1 + 0.5 * world.random());
    return Math.max(0, AT_MOST_EVERY - took);
  }

  function stop() {
    if (!run) return;
    world.clear(run.timer);
    run.abort.abort();
    run = null;
  }

  return {
    stop,
    get active() {
      return run !== null;
    },
    start({ cursor = "", slow = false }) {
      stop();
      run = { cursor, slow, timer: null, abort: new AbortController(), backoff: createBackoff(world) };
      schedule(run, slow ? SLOW : 0);
    },
    /** Does not wait any longer: the network, or the user, is back. */
    wake() {
      if (!run || run.timer === null) return;
      world.clear(run.timer);
      step(run);
    },
  };
}
