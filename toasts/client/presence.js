/**
 * Whether the user looks at this tab, as far as any tab can know: toasts pop here only.
 *
 * A hidden tab never does. A visible one without the focus does only while no other tab of this browser
 * has it (it may lie beside another program's window).
 */

let elsewhere; // the tab that has the focus
let muted = false;
let was = false;
let changed = () => {};

/** Whether toasts may be shown now. */
export const here = () => !muted && !document.hidden && (document.hasFocus() || !elsewhere);

/** That may have changed, because another tab says whether it has the focus, or for whatever happened here. */
export function look(tab, focused) {
  if (focused) elsewhere = tab;
  else if (elsewhere === tab) elsewhere = null;
  if (was !== (was = here())) changed();
}

/** Holds back what comes. */
export function mute(on = true) {
  muted = on;
  look();
}

export const whenSeen = (listener) => (changed = listener);
