/** Questions to the server that are not the stream. */

import { settings } from "./config.js";

/** Seconds that the server may hold a long poll, and that an answer may take beyond that. */
export const WAIT = 25;
const SLACK = 15;
const LONGEST_RETRY_AFTER = 300;

/** Never rejects: without a network the status is 0. */
export const request = (url, options) => fetch(url, options).catch(() => Response.error());

/**
 * One question to the poll view: what is active, whose it is, or why there is no answer.
 * @returns `_toasts` and `_cursor`; or `_out`: signed out; or `_after`: it failed, and is to be
 *   asked again after so many milliseconds; and `_offline`.
 */
export async function poll(wait = 0, cursor = "", abort = new AbortController()) {
  setTimeout(() => abort.abort(), (wait + SLACK) * 1000);
  const query = wait ? `?wait=${wait}&cursor=${cursor}` : "";
  const response = await request(settings.pollUrl + query, abort);
  const body = (await response.json().catch(() => 0)) ?? 0;
  return {
    _toasts: body.toasts,
    _cursor: body.cursor,
    // Or a site that sends everyone to its login page first.
    _out: /204|40[13]/.test(response.status) || (response.ok && response.redirected && !body.toasts),
    _offline: !response.status,
    _after: retryAfter(response),
  };
}

/** `Retry-After` in milliseconds, 0 when there is none (its date form is not worth its bytes here). */
export const retryAfter = ({ headers }) => Math.min(+headers.get("Retry-After") || 0, LONGEST_RETRY_AFTER) * 1000;

/**
 * Full jitter: any time between one second and a bound that doubles up to 30. Random over the whole
 * range, so that the pages which one restart cut off together do not come back together.
 */
export const backoff = (failures) => 1000 + Math.random() * Math.min(29_000, 1000 * 2 ** failures);
