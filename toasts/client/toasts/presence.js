/**
 * Whether the user looks at this tab, as far as any tab can know: toasts pop here only.
 *
 * A hidden tab never does. A visible one without the focus does only while no other tab of this browser
 * has it (it may lie beside another program's window).
 */

let elsewhere; // the tab that has the focus
let muted = false;
/** To be called when that may have changed. */
export let changed;

/** Whether toasts may be shown now. */
export const here = () => !muted && !document.hidden && (document.hasFocus() || !elsewhere);

/** Another tab says whether it has the focus. */
export function heed(tab, focused) {
  if (focused === (elsewhere === tab)) return; // known
  elsewhere = focused && tab;
  changed();
}

/** Holds back what comes. */
export function mute(on = true) {
  muted = on;
  changed();
}

/** @param listener becomes `changed`. */
export const whenSeen = (listener) => (changed = listener);
