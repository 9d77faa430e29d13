/** What the page is told, as events on the document: `toasts.d.ts` has their types. */

import { tell } from "./dom.js";

/** Why a toast left the screen although it is still unread. */
const UNREAD = ["timeout", "suspended"];

export function tellChanges({ added, updated, removed, origin }) {
  const received = (toast, updated) => tell("received", { toast, updated, snapshot: origin === "snapshot" });
  added.forEach((toast) => received(toast, false));
  updated.forEach(({ toast }) => received(toast, true));
  for (const { toast, reason } of removed) {
    if (!UNREAD.includes(reason)) tell("dismissed", { id: toast.id, toast, reason });
  }
}

/** Says when toasts can come and when they no longer can; reconnecting in between is neither. */
export function tellState(state, previous) {
  const works = (value) => value === "connected" || value === "polling";
  if (works(state) !== works(previous)) tell(works(state) ? "connected" : "disconnected", { state });
}
