/** Requests whose failure is an answer, too. */

const LONGEST_RETRY_AFTER = 300; // seconds

/**
 * Fetch, without ever rejecting: without a network the response has status 0.
 *
 * @param {string} url
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export const request = (url, options) => fetch(url, options).catch(() => Response.error());

/**
 * Read the `Retry-After` header (RFC 9110, section 10.2.3). Its date form counts as none.
 *
 * @param {Response} response
 * @returns {number} milliseconds, at most five minutes
 */
export function retryAfter({ headers }) {
  const seconds = Number(headers.get("Retry-After")) || 0;
  return Math.min(seconds, LONGEST_RETRY_AFTER) * 1_000;
}
