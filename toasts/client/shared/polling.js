/** Long polls, and how often to ask. */

import { spread } from "./backoff.js";
import { request, retryAfter } from "./http.js";

/** Seconds for which the server may hold a poll. */
export const WAIT = 25;
/** Seconds that an answer may take beyond that. */
const SLACK = 15;
/** Milliseconds from one poll to the next at least. */
const SHORTEST_PERIOD = 1_000;
/** Milliseconds between two polls of a server that does not hold them, at least. */
const UNHURRIED_PAUSE = 10_000;

/**
 * @typedef {object} Answer
 * @property {any} body The JSON, or null where there is none.
 * @property {number} status 0 without a network.
 * @property {boolean} redirected
 * @property {number} retryAfter Milliseconds.
 * @property {number} took Milliseconds.
 */

/**
 * Ask once, with a bound.
 *
 * @param {string} url
 * @param {number} wait seconds for which the server may hold the answer
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export async function ask(url, wait = 0, signal) {
  const began = Date.now();
  const limit = AbortSignal.timeout((wait + SLACK) * 1_000);
  const response = await request(url, { signal: AbortSignal.any([signal ?? limit, limit]) });
  return {
    body: await response.json().catch(() => null),
    status: response.status,
    redirected: response.redirected,
    retryAfter: retryAfter(response),
    took: Date.now() - began,
  };
}

/**
 * Return how long to wait before the next poll.
 *
 * @param {boolean} changed whether the last answer brought something new
 * @param {number} took milliseconds that it took
 * @param {number} [least] milliseconds to wait in any case: a server that is slow under load is spared
 * @returns {number} milliseconds
 */
export function pauseAfterPoll(changed, took, least = 0) {
  if (changed || took >= SHORTEST_PERIOD) return Math.max(least, SHORTEST_PERIOD - took);
  return spread(UNHURRIED_PAUSE);
}
