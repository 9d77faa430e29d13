/** A key to the newest toast and back, Escape closes the focused one. Focus never moves by itself. */

import { settings } from "./config.js";
import { on } from "../shared/dom.js";
import { close, list, region } from "./view.js";

let origin; // where the focus was before it came here

const VISIBLE = "[data-state=visible]";

function goTo(node) {
  if (node?.isConnected) node.focus();
  else document.activeElement.blur();
}

/** Words such as `F6` or `alt+KeyT`: KeyboardEvent.code, after the modifiers in this order: alt, ctrl, meta. */
function isHotkey(event) {
  const modifiers = ["alt", "ctrl", "meta"].filter((name) => event[`${name}Key`]);
  return settings.hotkey.split(" ").includes([...modifiers, event.code].join("+"));
}

export function enableKeyboard() {
  on(document, "keydown", (event) => {
    const card = list.contains(document.activeElement) && document.activeElement.closest("[data-toast-id]");
    const newest = list.querySelector(VISIBLE);
    if (event.defaultPrevented || event.isComposing) return;
    // With nothing to reach, the key is the browser's.
    if (isHotkey(event) && (card || newest)) goTo(card ? origin : newest);
    else if (event.key === "Escape" && card) close(card);
    else return;
    event.preventDefault();
  });
}

/** Of what the focus does in the region. */
export function noteOrigin(event) {
  if (!region.contains(event.relatedTarget)) origin = event.relatedTarget ?? origin;
}

/** The card is about to go: when it has the focus, the next one gets it, else the place it came from. */
export function release(card) {
  if (!card.contains(document.activeElement)) return;
  goTo(list.querySelector(`:focus-within ~ ${VISIBLE}`) ?? list.querySelector(VISIBLE) ?? origin);
}
