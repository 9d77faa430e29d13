/** The server's list of the user's toasts. */

import { post } from "../shared/csrf.js";
import { request } from "../shared/http.js";
import { serverSettings } from "../shared/settings.js";

// A link of the inbox may lead away.
const OPTIONS = { keepalive: true };

/**
 * @param {string} path under the API's address
 */
const urlOf = (path) => serverSettings().apiUrl + path;

/**
 * @param {Response} response
 * @returns {Promise<any>} its JSON; rejects with the response where it refuses
 */
async function read(response) {
  if (!response.ok) throw response;
  return response.json();
}

/**
 * Get a part of the list.
 *
 * @param {string} path
 */
export const getJson = async (path) => read(await request(urlOf(path), OPTIONS));

/**
 * Change the list.
 *
 * @param {string} path
 */
export const postTo = async (path) => read(await post(urlOf(path), undefined, OPTIONS));
