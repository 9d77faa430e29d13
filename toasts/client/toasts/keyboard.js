/** A key leads to the newest toast and back; Escape closes the focused one. */

import { listen } from "../shared/dom.js";
import { settings } from "./config.js";
import { enterRegion, leaveRegion, newestVisible } from "./focus.js";
import { region } from "./region.js";
import { closeCard } from "./stack.js";

/** @typedef {"altKey" | "ctrlKey" | "metaKey"} ModifierKey */

const HOTKEYS = settings.hotkey.split(" ");

/**
 * Return a word such as `F6` or `alt+KeyT`: KeyboardEvent.code after the modifiers alt, ctrl and meta.
 *
 * @param {KeyboardEvent} event
 */
function wordOf(event) {
  const modifiers = ["alt", "ctrl", "meta"].filter(
    (name) => event[/** @type {ModifierKey} */ (`${name}Key`)],
  );
  return [...modifiers, event.code].join("+");
}

/**
 * Move the focus into the region or back.
 *
 * @returns {boolean} false with nothing to reach: then the key is the browser's
 */
function moveFocus() {
  if (region.matches(":focus-within")) leaveRegion();
  else if (newestVisible()) enterRegion();
  else return false;
  return true;
}

/** @returns {boolean} whether a toast had the focus */
function closeFocused() {
  const card = region.querySelector("[data-toast-id]:focus-within");
  closeCard(card);
  return card !== null;
}

/** @param {KeyboardEvent} event */
function onKeyDown(event) {
  if (event.defaultPrevented || event.isComposing) return;
  const isHandled = HOTKEYS.includes(wordOf(event))
    ? moveFocus()
    : event.key === "Escape" && closeFocused();
  if (isHandled) event.preventDefault();
}

export function enableKeyboard() {
  listen(document, "keydown", onKeyDown);
}
