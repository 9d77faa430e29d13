/**
 * The number of unread toasts. The server counts them, again after each event of the page that may have
 * changed the number. The visible tab passes the number on to the others. Nothing of it is stored.
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
/** @type {Set<(count?: number) => void>} called after every count, without one where nobody is signed in */
export const listeners = new Set();

/** @type {BroadcastChannel | undefined} */
let channel;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let lastRequest = 0;

/** @param {number} [count] */
function publish(count) {
  for (const listener of listeners) listener(count);
}

/** @param {number} [count] */
function share(count) {
  publish(count);
  channel?.postMessage(count);
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
    if (ownRequest === lastRequest && Number.isInteger(count)) share(count);
  } catch (refusal) {
    const status = refusal instanceof Response ? refusal.status : 0;
    if (ownRequest === lastRequest && (status === 401 || status === 403)) share();
  }
}

/** The channel is named by the site: one origin may have several. */
function openChannel() {
  try {
    channel ??= new BroadcastChannel(`toasts:unread:${serverSettings().apiUrl}`);
    channel.onmessage = ({ data }) => publish(data);
  } catch {
    // None here: every tab counts for itself.
  }
}

/** Leave empty: a page restored later may belong to somebody else by then. */
function leave() {
  lastRequest += 1; // what is on its way is not for the next one
  publish();
  channel?.close();
  channel = undefined;
}

/** Begin to follow the page. It captures, because the toasts' events are the document's and do not bubble. */
export function followPage() {
  openChannel();
  for (const name of EVENTS) addEventListener(name, noteChange, true);
  addEventListener("pageshow", openChannel);
  addEventListener("pagehide", leave);
}
