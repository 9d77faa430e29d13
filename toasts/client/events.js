/** What the page is told, as events on the document: `toasts.d.ts` has their types. */

import { tell } from "./dom.js";

export function tellChanges({ added, updated, removed, origin }) {
  const show = (toast, updated) => tell("show", { toast, updated, snapshot: origin === "snapshot" });
  for (const toast of added) show(toast, false);
  for (const { toast } of updated) show(toast, true);
  for (const { toast, reason } of removed) {
    const detail = { id: toast.id, toast, reason };
    if (reason !== "suspended") tell("dismiss", detail);
    // By its time it only left the screen.
    if (reason === "user" || reason === "remote") tell("read", detail);
  }
}

/** Says when toasts can come and when they no longer can; reconnecting in between is neither. */
export function tellState(state, previous) {
  const works = (value) => value === "connected" || value === "polling";
  if (works(state) !== works(previous)) tell(works(state) ? "connected" : "disconnected", { state });
}
