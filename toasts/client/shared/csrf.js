/**
 * Django's CSRF token: the cookie's, read anew each time because a login changes it, else the one that
 * the poll view names. Pages can't read the cookie under CSRF_COOKIE_HTTPONLY and CSRF_USE_SESSIONS,
 * and have none before the server's first form.
 */

import { settings } from "../toasts/config.js";
import { request } from "../toasts/poll.js";

let given; // by the server

/** @param refused whether the last one was turned down. */
export async function csrfToken(refused) {
  const known = given || (settings.csrfCookie && `; ${document.cookie}`.split(`; ${settings.csrfCookie}=`)[1]?.split(";")[0]);
  if (known && !refused) return known;
  return (given = (await request(`${settings.pollUrl}?csrf=1`)).headers.get(settings.csrfHeader));
}
