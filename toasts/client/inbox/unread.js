/**
 * How many toasts are unread, for all that shows it. The server counts; the page's events say when it is
 * to count anew. The tab that is looked at tells the others.
 */

import { ask } from "./api.js";

const GATHER = 300; // milliseconds: what comes together is counted together
const EVENTS = ["toasts:sync", "toasts:read", "toasts:disconnected", "pageshow", "visibilitychange"];
const KEY = "toasts:unread";

/** Each is called after every count, with nothing where nobody is signed in. */
export const listeners = new Set();

let timer;
let turn = 0;

function tell(count) {
  listeners.forEach((listener) => listener(count));
}

/** Something has changed, or may have. */
export function note() {
  timer ??= setTimeout(count, GATHER);
}

async function count() {
  timer = null;
  if (document.hidden || !listeners.size) return; // counted when it is looked at
  const mine = ++turn;
  try {
    const { count } = await ask("count/?read=false");
    if (mine === turn) tell(count);
    localStorage[KEY] = count;
  } catch ({ status }) {
    if (/40[13]/.test(status)) forget();
  }
}

/** A page restored later may belong to somebody else by then: it starts empty. */
function forget() {
  turn++; // what is on its way is not for the next one
  tell();
}

/** Begins to follow the page. Captures, because the toasts' events are the document's and do not bubble. */
export function follow() {
  EVENTS.forEach((name) => addEventListener(name, note, true));
  addEventListener("pagehide", forget);
  addEventListener("storage", ({ key, newValue }) => key === KEY && tell(+newValue));
}
