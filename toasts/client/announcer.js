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
export function createAnnouncer({ output, labels, storage, may }) {
  const waiting = new Map(); // id -> what to say; nothing: to be counted
  let timer = null;

  function say() {
    const lines = [...waiting.values()];
    timer = null;
    output.textContent = "";
    if (!lines.length || !may()) return;
    const text = lines.length > BURST || lines.includes("") ? [label(labels.summary, { n: lines.length })] : lines;
    if (!storage.get(HINTED)) {
      storage.set(HINTED, "1");
      text.push(labels.hint);
    }
    output.textContent = text.join(".\n");
    waiting.clear();
    timer = setTimeout(say, REST);
  }

  return ({ added = [], updated = [], removed = [], origin } = {}) => {
    const put = (toast, text) => waiting.set(toast.id, text);
    removed.forEach(({ toast }) => waiting.delete(toast.id));
    // The next to read may be somebody else.
    if (["suspended", "signed-out"].includes(removed[0]?.reason)) output.textContent = "";
    for (const { toast, previous } of updated) {
      const text = sentence(toast, labels);
      if (text !== sentence(previous, labels)) put(toast, text);
    }
    // Several that were there before the page was: their number is enough.
    for (const toast of added) put(toast, origin === "snapshot" && added[1] ? "" : sentence(toast, labels));
    timer ??= setTimeout(say, GATHER);
  };
}
