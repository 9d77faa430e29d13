/** What the pointer does with the region. */

import { emit, listen } from "../shared/dom.js";
import { dismissAll } from "./api.js";
import { noteOrigin } from "./focus.js";
import { clearButton, moreButton, region } from "./region.js";
import { closeCard, refresh, setPointerTarget, toggleAll } from "./stack.js";

/** @param {MouseEvent & { target: Element }} event */
function onClick(event) {
  /** @type {HTMLElement | null} */
  const control = event.target.closest("[href], button");
  if (!control) return;
  if (control === moreButton) toggleAll();
  else if (control === clearButton) dismissAll();
  else if (control.matches(".toasts-body") && !getSelection()?.isCollapsed) {
    event.preventDefault(); // the end of a selection in a link's text is no click on it
  } else activate(control);
}

/** @param {HTMLElement} control a link, an action or the close button of a card */
function activate(control) {
  /** @type {HTMLElement | null} */
  const card = control.closest("[data-toast-id]");
  const name = control.dataset.toastAction;
  const id = card?.dataset.toastId;
  const isPrevented = name !== undefined && !emit("action", { id, name });
  if (!isPrevented) closeCard(card);
}

/** @param {PointerEvent} event */
function onPointerOut({ relatedTarget, pointerType }) {
  // A finger that is lifted leaves, too, but its owner is still reading.
  if (!relatedTarget && pointerType !== "touch") setPointerTarget(null);
}

/** @param {FocusEvent & { relatedTarget: HTMLElement | null }} event */
function onFocusChange(event) {
  noteOrigin(event);
  // On its way to another part the stack stays open: what it would hide cannot get the focus.
  const isMovingInside = event.type === "focusout" && region.contains(event.relatedTarget);
  if (!isMovingInside) refresh();
}

/** @param {MouseEvent & { target: Element }} event */
function keepFocus(event) {
  if (event.target.closest("button")) event.preventDefault();
}

export function enableView() {
  // On the document: a toast that vanishes under the pointer gets no `pointerleave`.
  listen(document, "pointerover pointerdown", ({ target }) => setPointerTarget(target));
  listen(document, "pointerout", onPointerOut);
  listen(region, "focusin focusout", onFocusChange);
  listen(region, "click", onClick);
  // A mouse click on a button leaves the focus where the user is working.
  listen(region, "mousedown", keepFocus);
}
