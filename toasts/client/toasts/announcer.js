/**
 * Speaks to screen readers, apart from what is seen: one polite live region that is in the page from the
 * start, filled a moment later, because readers miss what comes together with its region.
 */

import { sentence } from "./card.js";
import { label, settings } from "./config.js";
import { element } from "../shared/dom.js";
import { keep, storage } from "./memory.js";
import { here } from "./presence.js";

const GATHER = 150; // milliseconds: what comes together is said together
const REST = 1_000; // then the next may be said; nobody finds the same text twice while browsing
const BURST = 3; // more at once are counted, not read out
const HINTED = "toasts:hinted";

export const voice = element("div", { role: "status" });
const waiting = new Map(); // id -> what to say
let most = BURST;
let timer;

/** Speaks, where this tab may; until then it is kept. */
function say() {
  const lines = [...waiting.values()];
  timer = null;
  voice.textContent = "";
  if (!lines[0] || !here()) return;
  const text = lines.length > most ? [label(settings.summary, lines.length)] : lines;
  if (!storage[HINTED]) {
    text.push(settings.hint);
    keep(HINTED, 1);
  }
  voice.textContent = text.join(".\n");
  waiting.clear();
  most = BURST;
  timer = setTimeout(say, REST);
}

/** Hears of changes; to be called without any when this tab may have come to speak. */
export function announce(changes = [], snapshot = false) {
  for (const { toast, _previous, reason } of changes) {
    const text = sentence(toast);
    if (reason) waiting.delete(toast.id);
    else if (!_previous || sentence(_previous) !== text) {
      waiting.set(toast.id, text);
      // Several that were there before the page was: their number is enough.
      if (snapshot) most = 1;
    }
    // "signed-out", "suspended": the next to read may be somebody else.
    if (/^s/.test(reason)) voice.textContent = "";
  }
  timer ??= setTimeout(say, GATHER);
}
