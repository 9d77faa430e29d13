/** Where the focus goes: it never moves into the region by itself, and never gets lost there. */

import { list, region } from "./region.js";

const VISIBLE = "[data-state=visible]";

/** @type {HTMLElement | null} */
let origin = null; // where the focus was before it came into the region

/** @returns {HTMLElement | null} the newest toast that is visible */
export const newestVisible = () => list.querySelector(VISIBLE);

/** @param {HTMLElement | null} target */
function moveFocus(target) {
  if (target?.isConnected) target.focus();
  else /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
}

/** Focus the newest toast that is visible. */
export const enterRegion = () => moveFocus(newestVisible());

/** Give the focus back to where it came from. */
export const leaveRegion = () => moveFocus(origin);

/**
 * Note where the focus comes from or goes to.
 *
 * @param {FocusEvent & { relatedTarget: HTMLElement | null }} event a focusin or focusout of the region
 */
export function noteOrigin({ relatedTarget }) {
  if (!region.contains(relatedTarget)) origin = relatedTarget ?? origin;
}

/**
 * Move the focus out of an element that is about to go: to the next toast, else to where it came from.
 *
 * @param {HTMLElement} element
 */
export function passFocusOn(element) {
  if (!element.contains(document.activeElement)) return;
  moveFocus(list.querySelector(`:focus-within ~ ${VISIBLE}`) ?? newestVisible() ?? origin);
}
