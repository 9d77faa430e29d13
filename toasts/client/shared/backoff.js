/** Milliseconds: the first bound, and the last one. */
const BASE = 1_000;
const CAP = 30_000;

/**
 * Return how long to wait before the next attempt: full jitter, any time between `least` and a bound that
 * doubles. It is random over the whole range, so that the pages which one restart cut off together do
 * not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
 *
 * @param {number} failures how many attempts failed before
 * @param {number} [least] milliseconds
 * @returns {number} milliseconds, at most 30,000
 */
export function fullJitter(failures, least = 0) {
  return least + Math.random() * Math.min(CAP - least, BASE * 2 ** failures);
}

/**
 * Return up to half as much again, so that not all pages ask at the same time.
 *
 * @param {number} milliseconds
 * @returns {number} milliseconds
 */
export const spread = (milliseconds) => milliseconds * (1 + Math.random() / 2);
