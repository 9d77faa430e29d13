/**
 * Speaks to screen readers, apart from what is seen: one polite live region that is in the page from the
 * start, filled a moment later, because readers miss what comes together with its region.
 */

import { label } from "./config.js";
import { on } from "./dom.js";

const GATHER = 150; // milliseconds: what comes together is said together
const KEEP = 1_000; // then nobody finds the same text twice while browsing
const BURST = 3; // more at once are counted, not read out
const HINTED = "toasts:hinted";

export function createAnnouncer({ output, labels, world, page, storage }) {
  let waiting = [];
  let summary = 0;
  let timer = null;
  let clearing = null;

  function say() {
    timer = null;
    if (page.hidden) return; // said when the tab is looked at
    const lines = text();
    waiting = [];
    summary = 0;
    if (!lines) return;
    output.textContent = lines;
    world.clear(clearing);
    clearing = world.set(() => (output.textContent = ""), KEEP);
  }

  function text() {
    const count = summary + waiting.length;
    if (count === 0) return "";
    const lines = summary > 0 || count > BURST ? [label(labels.summary, { n: count })] : waiting.map(sentence);
    if (!storage.get(HINTED)) {
      storage.set(HINTED, "1");
      lines.push(labels.hint);
    }
    return lines.join(".\n");
  }

  function sentence(toast) {
    return `${labels[toast.level]}: ${[toast.title, toast.message].filter(Boolean).join(". ")}`;
  }

  on(page, "visibilitychange", say);

  return function hear({ added, updated, removed, origin }) {
    const changed = updated.filter(({ toast, previous }) => sentence(toast) !== sentence(previous));
    const fresh = [...added, ...changed.map(({ toast }) => toast)];
    const stale = new Set([...removed, ...changed].map(({ toast }) => toast.id));
    waiting = waiting.filter((toast) => !stale.has(toast.id));
    // Several that were there before the page was: their number is enough.
    if (origin === "snapshot" && fresh.length > 1) summary += fresh.length;
    else waiting.push(...fresh);
    if (timer === null) timer = world.set(say, GATHER);
  };
}
