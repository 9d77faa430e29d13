/** Posts with Django's CSRF token, by the names that the site's settings give to cookie and header. */

import { request } from "./http.js";
import { serverSettings } from "./settings.js";

/** @type {string | null} */
let issued = null; // by the poll view

/** @returns {string | undefined} */
function cookieToken() {
  const { csrfCookie } = serverSettings();
  const start = `${csrfCookie}=`;
  // Read again each time, because a login changes it.
  const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(start));
  return csrfCookie && found?.slice(start.length);
}

/** @returns {string | undefined} */
function formToken() {
  /** @type {HTMLInputElement | null} */
  const field = document.querySelector("[name=csrfmiddlewaretoken]");
  return field?.value;
}

/**
 * Return the token. Scripts cannot read the cookie under CSRF_COOKIE_HTTPONLY and CSRF_USE_SESSIONS, and
 * there is none before the server's first form: then the poll view is asked for one.
 *
 * @param {boolean} [refused] whether the server turned the last token down
 * @returns {Promise<string | null>} null where the server gives none
 */
export async function csrfToken(refused = false) {
  const known = issued || cookieToken() || formToken();
  if (known && !refused) return known;
  const { pollUrl, csrfHeader } = serverSettings();
  const { headers } = await request(`${pollUrl}?csrf=1`);
  issued = headers.get(csrfHeader);
  return issued;
}

/**
 * Post JSON. A token that the server turns down is replaced once.
 *
 * @param {string} url
 * @param {unknown} [body]
 * @param {RequestInit} [options] of fetch
 * @param {(response: Response) => boolean} [isRefusal] Whether a response may mean that the token was turned
 *   down. The request is then sent a second time.
 * @returns {Promise<Response>} status 0 without a network
 */
export async function post(url, body, options, isRefusal = isForbidden) {
  const response = await postWithToken(url, body, await csrfToken(), options);
  if (!isRefusal(response)) return response;
  const token = await csrfToken(true);
  return token ? postWithToken(url, body, token, options) : response;
}

/** @param {Response} response */
const isForbidden = (response) => response.status === 403;

/**
 * Post JSON with this token.
 *
 * @param {string} url
 * @param {unknown} body
 * @param {string | null} token
 * @param {RequestInit} [options] of fetch
 * @returns {Promise<Response>} status 0 without a network
 */
export function postWithToken(url, body, token, options) {
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/json" };
  if (token) headers[serverSettings().csrfHeader] = token;
  return request(url, { method: "POST", headers, body: JSON.stringify(body), ...options });
}
