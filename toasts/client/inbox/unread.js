/**
 * The number of unread toasts. The server counts them, again after each event of the page that may have
 * changed the number. The visible tab passes the number on to the others by localStorage.
 */

import { serverSettings } from "../shared/settings.js";
import { getJson } from "./api.js";

/** Milliseconds: what comes together is counted together. */
const GATHER = 300;
const EVENTS = [
  "toasts:sync",
  "toasts:read",
  "toasts:disconnected",
  "pageshow",
  "visibilitychange",
];

/** The name of the number in storage: of this site, as there may be others on the origin. */
const key = () => `toasts:unread:${serverSettings().apiUrl}`;

/** @type {Set<(count?: number) => void>} called after every count, without one where nobody is signed in */
export const listeners = new Set();

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let lastRequest = 0;

/** @param {number} [count] */
function publish(count) {
  for (const listener of listeners) listener(count);
}

/** Count soon: something has changed, or may have. */
export function noteChange() {
  timer ??= setTimeout(countNow, GATHER);
}

async function countNow() {
  timer = undefined;
  if (document.hidden || listeners.size === 0) return; // counted when it is looked at
  lastRequest += 1;
  const ownRequest = lastRequest;
  try {
    const { count } = await getJson("count/?read=false");
    if (ownRequest !== lastRequest) return;
    publish(count);
    localStorage[key()] = count;
  } catch (refusal) {
    const status = refusal instanceof Response ? refusal.status : 0;
    if (status === 401 || status === 403) {
      forget();
      delete localStorage[key()];
    }
  }
}

/** Start empty: a page restored later may belong to somebody else by then. */
function forget() {
  lastRequest += 1; // what is on its way is not for the next one
  publish();
}

/** Begin to follow the page. It captures, because the toasts' events are the document's and do not bubble. */
export function followPage() {
  for (const name of EVENTS) addEventListener(name, noteChange, true);
  addEventListener("pagehide", forget);
  addEventListener("storage", (change) => {
    if (change.key === key()) publish(change.newValue === null ? undefined : +change.newValue);
  });
}
