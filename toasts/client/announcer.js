/**
 * Speaks to screen readers, apart from what is seen: one polite live region that is in the page from the
 * start, filled a moment later, because readers miss what comes together with its region.
 */

import { sentence } from "./card.js";
import { label } from "./config.js";

const GATHER = 150; // milliseconds: what comes together is said together
const REST = 1_000; // then the next may be said; nobody finds the same text twice while browsing
const BURST = 3; // more at once are counted, not read out
const HINTED = "toasts:hinted";

/**
 * @param may () => whether this tab speaks now; until then it is kept.
 * @returns hear(change), and to be called without one when that may have changed.
 */
export function createAnnouncer({ output, labels, storage, world, may }) {
  let waiting = [];
  let summary = 0;
  let timer = null;

  function say() {
    timer = null;
    output.textContent = "";
    const count = summary + waiting.length;
    if (!count || !may()) return;
    const lines = summary || count > BURST ? [label(labels.summary, { n: count })] : waiting.map((toast) => sentence(toast, labels));
    if (!storage.get(HINTED)) {
      storage.set(HINTED, "1");
      lines.push(labels.hint);
    }
    output.textContent = lines.join(".\n");
    waiting = [];
    summary = 0;
    timer = world.set(say, REST);
  }

  return ({ added = [], updated = [], removed = [], origin } = {}) => {
    const changed = updated.filter(({ toast, previous }) => sentence(toast, labels) !== sentence(previous, labels));
    const fresh = [...added, ...changed.map(({ toast }) => toast)];
    const stale = [...removed, ...changed].map(({ toast }) => toast.id);
    waiting = waiting.filter((toast) => !stale.includes(toast.id));
    // Several that were there before the page was: their number is enough.
    if (origin === "snapshot" && fresh.length > 1) summary += fresh.length;
    else waiting.push(...fresh);
    timer ??= world.set(say, GATHER);
  };
}
