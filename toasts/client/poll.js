/** One question to the poll view: what is active, whose it is, or why there is no answer. */

/** Seconds that the server may hold a long poll, and that an answer may take beyond that. */
export const WAIT = 25;
const SLACK = 15;
const LONGEST_RETRY_AFTER = 300;

/**
 * Never rejects.
 * @returns one of `{_toasts, _cursor, _who}`, `{_out: true}` (signed out), `{_after}` (it failed; come
 *   back after so many milliseconds) and `{_offline: true}`.
 */
export async function poll(config, wait = 0, cursor = "", signals = []) {
  try {
    const query = wait ? `?wait=${wait}&cursor=${cursor}` : "";
    const signal = AbortSignal.any([AbortSignal.timeout((wait + SLACK) * 1000), ...signals]);
    return await read(await fetch(config.pollUrl + query, { signal }));
  } catch {
    return { _offline: true };
  }
}

async function read(response) {
  const { status, ok, redirected } = response;
  if ([204, 401, 403].includes(status)) return { _out: true };
  const body = ok && (await response.json().catch(() => null));
  if (body?.toasts) return { _toasts: body.toasts, _cursor: body.cursor, _who: whose(body.cursor) };
  // A site that sends everyone to its login page first.
  return ok && redirected ? { _out: true } : { _after: retryAfter(response) };
}

/** A state's name begins with what stands for its owner; it says no more than that two are the same. */
export const whose = (cursor) => String(cursor).split(".")[0];

/** `Retry-After` in milliseconds, 0 when there is none (its date form is not worth its bytes here). */
export function retryAfter(response) {
  return Math.min(+response.headers.get("Retry-After") || 0, LONGEST_RETRY_AFTER) * 1000;
}

/**
 * Full jitter: any time between one second and a bound that doubles up to 30. Random over the whole
 * range, so that the pages which one restart cut off together do not come back together.
 */
export const backoff = (failures) => 1000 + Math.random() * Math.min(29_000, 1000 * 2 ** failures);
