/**
 * Sends the user's dismissals until the server has taken them: in one request, by the leading tab, from
 * what all tabs put into storage. So neither a navigation nor a closed tab nor an expired session loses any.
 */

import { post } from "../shared/csrf.js";
import { retryAfter } from "../shared/http.js";
import { settings } from "./config.js";
import { markAcknowledged, pendingDismissals } from "./memory.js";

/** Ids in one request; the server takes 1,000. */
const BATCH = 500;
/** Milliseconds until the next attempt after a refusal. */
const REFUSED_PAUSE = 60_000;

let isSending = false;
let pausedUntil = 0; // as the server wished

/**
 * Return whether the view itself answered: with the number of toasts, or with what is wrong with the ids. A
 * login page, a proxy's 404 or a refusal may be something else tomorrow.
 *
 * @param {Response} response
 */
async function isSettled(response) {
  const body = await response.json().catch(() => null);
  return (body?.count ?? body?.ids) !== undefined;
}

/**
 * Send what is pending. Call it whenever the server has shown that it is well: what it did not take is
 * sent again then.
 */
export async function acknowledge() {
  const ids = pendingDismissals().slice(0, BATCH);
  if (isSending || ids.length === 0 || Date.now() < pausedUntil) return;
  isSending = true;
  const response = await post(`${settings.apiUrl}read-all/`, { ids }, { keepalive: true });
  const settled = await isSettled(response);
  isSending = false;
  if (settled) {
    ids.forEach(markAcknowledged);
    acknowledge();
  } else postpone(response);
}

/** @param {Response} response */
function postpone(response) {
  const isRefused = response.status > 0 && response.status < 500;
  pausedUntil = Date.now() + (retryAfter(response) || (isRefused ? REFUSED_PAUSE : 0));
}
