/**
 * Whether the user looks at this tab, as far as any tab can know: toasts are shown only here.
 *
 * A hidden tab never shows any. A visible one without the focus does so only while no other tab of this
 * browser has the focus: it may lie beside another program's window.
 */

/** @type {string | false | undefined} */
let focusedTab; // another one
let isMuted = false;
/** @type {() => void} */
let onChange = () => {};

/** @returns {boolean} whether toasts may be shown now */
export const mayShow = () => !isMuted && !document.hidden && (document.hasFocus() || !focusedTab);

/**
 * Note whether another tab has the focus.
 *
 * @param {string} tab
 * @param {boolean} isFocused
 */
export function setFocusElsewhere(tab, isFocused) {
  const isKnown = isFocused === (focusedTab === tab);
  if (isKnown) return;
  focusedTab = isFocused && tab;
  onChange();
}

/**
 * Hold back what comes, until called with false.
 *
 * @param {boolean} [on]
 */
export function mute(on = true) {
  isMuted = on;
  onChange();
}

/** To be called when this tab was hidden or shown, or got or lost the focus. */
export const presenceChanged = () => onChange();

/** @param {() => void} listener called when `mayShow` may have changed */
export function onPresenceChange(listener) {
  onChange = listener;
}
