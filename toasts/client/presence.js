/**
 * Whether the user looks at this tab, as far as any tab can know: toasts pop here only.
 *
 * A hidden tab never does. A visible one without the focus does only while no other tab of this browser
 * has it (it may lie beside another program's window).
 */

import { on } from "./dom.js";

let elsewhere; // the tab that has the focus
let muted = false;
let changed;

/** Whether toasts may be shown now. */
export const here = () => !muted && !document.hidden && (document.hasFocus() || !elsewhere);

/** Another tab says whether it has the focus. */
export function heed(tab, focused) {
  const before = elsewhere;
  if (focused) elsewhere = tab;
  else if (elsewhere === tab) elsewhere = null;
  if (elsewhere !== before) changed();
}

/** Holds back what comes. */
export function mute(on = true) {
  muted = on;
  changed();
}

/** @param listener called when that may have changed. */
export function whenSeen(listener) {
  changed = listener;
  on(window, "focus blur", listener);
  on(document, "visibilitychange", listener);
}
