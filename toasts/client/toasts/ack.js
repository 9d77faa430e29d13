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
/** Refusals that may end: signed out, another token, a timeout, too many requests. */
const TEMPORARY = [401, 403, 408, 429];

let isSending = false;
let pausedUntil = 0; // as the server wished

/** @param {number} status */
const isSettled = (status) =>
  (status >= 200 && status < 300) || (status >= 400 && status < 500 && !TEMPORARY.includes(status));

/**
 * Send what is pending. Call it whenever the server has shown that it is well: what it did not take is
 * sent again then.
 */
export async function acknowledge() {
  const ids = pendingDismissals().slice(0, BATCH);
  if (isSending || ids.length === 0 || Date.now() < pausedUntil) return;
  isSending = true;
  const response = await post(`${settings.apiUrl}read-all/`, { ids }, { keepalive: true });
  isSending = false;
  pausedUntil = Date.now() + retryAfter(response);
  if (!isSettled(response.status)) return;
  ids.forEach(markAcknowledged);
  acknowledge();
}
