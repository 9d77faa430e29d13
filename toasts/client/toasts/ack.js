/**
 * Tells the server what the user dismissed, until it knows: in one request, by the leading tab, from what
 * all tabs put into storage. So neither a navigation nor a closed tab nor an expired session loses any.
 */

import { settings } from "./config.js";
import { csrfToken } from "../shared/csrf.js";
import { pending, told } from "./memory.js";
import { request, retryAfter } from "./poll.js";

const AT_ONCE = 500; // ids; the server takes 1,000
/** Taken, or never to be: not so 401, 403, 408 and 429. */
const SETTLED = /^(2|4(?!0[138]|29))/;

let busy = false;
let rest = 0; // until when the server wants to be left alone

/**
 * Tells what there is to tell. To be called whenever the server has shown that it is well: what it did not
 * take goes along then.
 * @param refused whether the last token was turned down.
 */
export async function acknowledge(refused) {
  const ids = pending().slice(0, AT_ONCE);
  if (busy || !ids[0] || Date.now() < rest) return;
  busy = true;
  const response = await request(`${settings.apiUrl}read-all/`, {
    method: "POST",
    headers: { [settings.csrfHeader]: await csrfToken(refused), "Content-Type": "application/json" },
    body: JSON.stringify({ ids }),
    keepalive: true,
  });
  busy = false;
  rest = Date.now() + retryAfter(response);
  if (SETTLED.test(response.status)) {
    ids.forEach(told);
    acknowledge();
  } else if (response.status === 403 && !refused) acknowledge(true);
}
