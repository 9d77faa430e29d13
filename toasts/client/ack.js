/**
 * Tells the server what the user dismissed, until it knows: in one request, by the leading tab, from what
 * all tabs put into storage. So neither a navigation nor a closed tab nor an expired session loses any.
 */

import { backoff, retryAfter } from "./poll.js";

const AT_ONCE = 500; // ids; the server takes 1,000

/**
 * @param headers (refused) => a promise of the CSRF header; `refused`: the last one was turned down.
 * @param isActive (id) => whether events of it may still arrive.
 * @returns wake(): tells what there is to tell.
 */
export function createAcks(config, headers, memory, isActive) {
  let busy = false;
  let failures = 0;
  let refused = false;
  let timer;

  async function wake() {
    clearTimeout(timer);
    const ids = memory._pending().slice(0, AT_ONCE);
    if (busy || !ids[0]) return;
    busy = true;
    const response = await post(ids);
    busy = false;
    const status = response?.status ?? 0;
    // 408 and 429: later. 401, and 403 even with a fresh token: when somebody is signed in again.
    if (status >= 200 && status < 500 && ![401, 403, 408, 429].includes(status)) {
      for (const id of ids) memory._told(id, isActive(id));
      failures = 0;
      refused = false;
      return wake();
    }
    const again = refused;
    refused = status === 403;
    if (status !== 401 && !(again && refused)) {
      timer = setTimeout(wake, Math.max(response ? retryAfter(response) : 0, backoff(failures++)));
    }
  }

  async function post(ids) {
    try {
      return await fetch(`${config.apiUrl}read-all/`, {
        method: "POST",
        headers: { ...(await headers(refused)), "Content-Type": "application/json" },
        body: JSON.stringify({ ids }),
        keepalive: true,
      });
    } catch {
      return null; // no network
    }
  }

  return wake;
}
