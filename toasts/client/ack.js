/**
 * Tells the server what the user dismissed, until it knows: in one request, by the leading tab, from what
 * all tabs put into storage. So neither a navigation nor a closed tab nor an expired session loses any.
 */

import { apiUrl, csrfHeader } from "./config.js";
import { isActive } from "./connection.js";
import { csrfToken } from "./csrf.js";
import { pending, told } from "./memory.js";
import { request, retryAfter } from "./poll.js";

const AT_ONCE = 500; // ids; the server takes 1,000
/** Taken, or never to be: not so 401, 403, 408 and 429. */
const SETTLED = /^(2|4(?!0[138]|29))/;

let busy = false;
let refused = false; // the last token
let rest = 0; // until when the server wants to be left alone

/**
 * Tells what there is to tell. To be called whenever the server has shown that it is well: what it did not
 * take goes along then.
 */
export async function acknowledge() {
  const ids = pending().slice(0, AT_ONCE);
  if (busy || !ids[0] || Date.now() < rest) return;
  busy = true;
  const response = await request(`${apiUrl}read-all/`, {
    method: "POST",
    headers: { [csrfHeader]: await csrfToken(refused), "Content-Type": "application/json" },
    body: JSON.stringify({ ids }),
    keepalive: true,
  });
  busy = false;
  rest = Date.now() + retryAfter(response);
  const settled = SETTLED.test(response.status);
  const again = settled || (response.status === 403 && !refused);
  refused = response.status === 403;
  if (settled) for (const id of ids) told(id, isActive(id));
  if (again) acknowledge();
}
