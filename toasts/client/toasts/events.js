/** The events for the page, on the document: `toasts.d.ts` has their types. */

import { emit } from "../shared/dom.js";

/** @import { Change, ConnectionState } from "./types.d.ts" */

let isWorking = false;

/**
 * Dispatch what changed.
 *
 * @param {Change[]} changes
 * @param {boolean} snapshot whether it was there before the page connected
 */
export function emitChanges(changes, snapshot) {
  for (const { toast, previous, reason } of changes) {
    const detail = { id: toast.id, toast, reason };
    if (!reason) emit("show", { toast, updated: Boolean(previous), snapshot });
    else if (reason !== "suspended") emit("dismiss", detail);
    // One whose time is over has only left the screen.
    if (reason === "user" || reason === "remote") emit("read", detail);
  }
}

/**
 * Dispatch when toasts can come and when they no longer can; to reconnect in between is neither.
 *
 * @param {ConnectionState} state
 */
export function emitState(state) {
  const works = state === "connected" || state === "polling";
  if (works !== isWorking) emit(works ? "connected" : "disconnected", { state });
  isWorking = works;
}
