/** What the page is told, as events on the document: `toasts.d.ts` has their types. */

import { tell } from "../shared/dom.js";

let worked = false;

export function tellChanges(changes, snapshot) {
  for (const { toast, _previous, reason } of changes) {
    const detail = { id: toast.id, toast, reason };
    if (!reason) tell("show", { toast, updated: !!_previous, snapshot });
    else if (reason !== "suspended") tell("dismiss", detail);
    // By its time it only left the screen.
    if (/user|remote/.test(reason)) tell("read", detail);
  }
}

/** Says when toasts can come and when they no longer can; reconnecting in between is neither. */
export function tellState(state) {
  const works = /^po|ed$/.test(state); // polling, connected
  if (works !== worked) tell(works ? "connected" : "disconnected", { state });
  worked = works;
}
