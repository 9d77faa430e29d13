/** Throws a toast out sideways. Up and down stays the page's, and a drag on the text selects it. */

import { listen } from "../shared/dom.js";
import { list } from "./region.js";
import { closeCard } from "./stack.js";

/** Pixels: up to that it may be a click. */
const SLACK = 6;
/** Pixels: a toast that would go so far is thrown out. */
const FAR = 100;
/** Milliseconds that a throw would go on by itself. */
const MOMENTUM = 250;

/** @type {HTMLElement | null} */
let card = null; // the one that is held
/** @type {PointerEvent} */
let start;
let isSwiping = false;

/** @param {number} offset pixels */
function moveTo(offset) {
  card?.style.setProperty("--_swipe", `${offset}px`);
}

/** @param {PointerEvent & { target: Element }} event */
function hold(event) {
  const isMouse = event.pointerType === "mouse";
  const ownControls = isMouse ? "button, span, strong" : "button";
  const mayHold = event.button === 0 && !event.target.closest(ownControls);
  card = mayHold ? event.target.closest("[data-toast-id]") : null;
  start = event;
  isSwiping = false;
}

/**
 * Follow the pointer. A finger that goes up or down scrolls, as `touch-action` says, and the browser
 * cancels its pointer.
 *
 * @param {PointerEvent} event
 */
function drag(event) {
  const offset = event.clientX - start.clientX;
  const isSideways = Math.abs(offset) - Math.abs(event.clientY - start.clientY) > SLACK;
  if (isSwiping) moveTo(offset);
  else if (isSideways) startSwipe(event.pointerId);
}

/** @param {number} pointerId */
function startSwipe(pointerId) {
  isSwiping = true;
  card?.toggleAttribute("data-swiping", true);
  card?.setPointerCapture(pointerId); // and so it does not end in a click
}

/** @param {PointerEvent} event */
function release(event) {
  if (isSwiping) endSwipe(event);
  card = null;
  isSwiping = false;
}

/** @param {PointerEvent} event */
function endSwipe(event) {
  const offset = event.clientX - start.clientX;
  const reach = Math.abs(offset) * (1 + MOMENTUM / (event.timeStamp - start.timeStamp));
  const isThrown = event.type === "pointerup" && reach > FAR;
  card?.removeAttribute("data-swiping");
  moveTo(isThrown ? Math.sign(offset) * innerWidth : 0);
  if (isThrown) closeCard(card);
}

/** @param {PointerEvent & { target: Element }} event */
function onPointer(event) {
  if (!event.isPrimary) return;
  if (event.type === "pointerdown") hold(event);
  else if (card && event.type === "pointermove") drag(event);
  else release(event);
}

export function enableSwipe() {
  listen(list, "pointerdown pointermove pointerup pointercancel", onPointer);
}
