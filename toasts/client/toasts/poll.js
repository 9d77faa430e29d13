/** One question to the poll view: what is active, whose it is, or why there is no answer. */

import { ask } from "../shared/polling.js";
import { settings } from "./config.js";

/** @import { RawToast } from "./types.d.ts" */
/** @import { Answer } from "../shared/polling.js" */

/**
 * @typedef {Answer & PollState} PollAnswer
 * @typedef {object} PollState
 * @property {RawToast[]} [toasts] Only where the poll worked.
 * @property {string} cursor The name of the state.
 * @property {boolean} signedOut
 */

/**
 * Poll. It never rejects.
 *
 * @param {number} [wait] seconds for which the server may hold the answer
 * @param {string} [cursor] the state that is known
 * @param {AbortSignal} [signal]
 * @returns {Promise<PollAnswer>}
 */
export async function poll(wait = 0, cursor = "", signal) {
  const query = wait ? `?wait=${wait}&cursor=${cursor}` : "";
  const answer = await ask(settings.pollUrl + query, wait, signal);
  const { toasts, cursor: name = "" } = answer.body ?? {};
  return { ...answer, toasts, cursor: name, signedOut: isSignedOut(answer) };
}

/** @param {Answer} answer */
function isSignedOut({ status, redirected, body }) {
  // Some sites redirect everyone to their login page.
  return [204, 401, 403].includes(status) || (status === 200 && redirected && !body?.toasts);
}
