/** Announces toasts to screen readers, a moment after they came and several at a time. */

import { sentence } from "./card.js";
import { fill, NAME, settings } from "./config.js";
import { persist, storage } from "./memory.js";
import { mayShow } from "./presence.js";
import { liveRegion } from "./region.js";

/** @import { Change } from "./types.d.ts" */

/** Milliseconds: what comes together is announced together. */
const GATHER = 150;
/** Milliseconds until the next: then the text is gone, so that nobody finds it twice while browsing. */
const PAUSE = 1_000;
/** More at once are counted, not read out. */
const BURST = 3;
/** The key in storage that is set once this site has given the hint. */
const HINTED = `${NAME}:hinted`;

/** @type {Map<string, string>} id -> what to announce */
const waiting = new Map();
let mostReadOut = BURST;
/** @type {ReturnType<typeof setTimeout> | null} */
let timer = null;

/** Announce what waits, where this tab may; until then it waits on. */
function announceWaiting() {
  timer = null;
  liveRegion.textContent = "";
  if (waiting.size === 0 || !mayShow()) return;
  liveRegion.textContent = [...textsToRead(), ...hint()].join(".\n");
  waiting.clear();
  mostReadOut = BURST;
  timer = setTimeout(announceWaiting, PAUSE);
}

/** @returns {string[]} */
function textsToRead() {
  const isBurst = waiting.size > mostReadOut;
  return isBurst ? [fill(settings.summary, waiting.size)] : [...waiting.values()];
}

/** @returns {string[]} how to reach the toasts: once in each browser */
function hint() {
  if (storage[HINTED]) return [];
  persist(HINTED, "1");
  return [settings.hint];
}

/**
 * @param {Change} change
 * @returns {boolean} whether it is to be announced
 */
function note({ toast, previous, reason }) {
  const text = sentence(toast);
  if (reason) waiting.delete(toast.id);
  // The next to read may be somebody else.
  if (reason === "signed-out" || reason === "suspended") liveRegion.textContent = "";
  const isNew = !reason && (!previous || sentence(previous) !== text);
  if (isNew) waiting.set(toast.id, text);
  return isNew;
}

/**
 * Announce changes; without any: call it when this tab may have become the one that announces.
 *
 * @param {Change[]} [changes]
 * @param {boolean} [isSnapshot] whether they were there before the page: then their number is enough
 */
export function announce(changes = [], isSnapshot = false) {
  const hasNews = changes.map(note).includes(true);
  if (isSnapshot && hasNews) mostReadOut = 1;
  timer ??= setTimeout(announceWaiting, GATHER);
}
