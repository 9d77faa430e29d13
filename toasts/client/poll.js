/** Questions to the server that are not the stream. */

import { pollUrl } from "./config.js";

/** Seconds that the server may hold a long poll, and that an answer may take beyond that. */
export const WAIT = 25;
const SLACK = 15;
const LONGEST_RETRY_AFTER = 300;

/** Never rejects: without a network the status is 0. */
export const request = (url, options) => fetch(url, options).catch(() => Response.error());

/**
 * One question to the poll view: what is active, whose it is, or why there is no answer.
 * @returns `_toasts`, `_cursor` and `_who`; or `_out`: signed out; or `_after`: it failed, and is to be
 *   asked again after so many milliseconds; and `_offline`.
 */
export async function poll(wait = 0, cursor = "", signals = []) {
  const query = wait ? `?wait=${wait}&cursor=${cursor}` : "";
  const signal = AbortSignal.any([AbortSignal.timeout((wait + SLACK) * 1000), ...signals]);
  const response = await request(pollUrl + query, { signal });
  const { status, ok, redirected } = response;
  const body = ok && (await response.json().catch(() => null));
  const _toasts = body?.toasts;
  return {
    _toasts,
    _cursor: body?.cursor,
    _who: whose(body?.cursor),
    // Or a site that sends everyone to its login page first.
    _out: /204|40[13]/.test(status) || (ok && redirected && !_toasts),
    _offline: !status,
    _after: retryAfter(response),
  };
}

/** A state's name begins with what stands for its owner; it says no more than that two are the same. */
export const whose = (cursor) => `${cursor}`.split(".")[0];

/** `Retry-After` in milliseconds, 0 when there is none (its date form is not worth its bytes here). */
export const retryAfter = ({ headers }) => Math.min(+headers.get("Retry-After") || 0, LONGEST_RETRY_AFTER) * 1000;

/**
 * Full jitter: any time between one second and a bound that doubles up to 30. Random over the whole
 * range, so that the pages which one restart cut off together do not come back together.
 */
export const backoff = (failures) => 1000 + Math.random() * Math.min(29_000, 1000 * 2 ** failures);
