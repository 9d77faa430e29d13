/** A key to the newest toast and back, Escape closes the focused one. Focus never moves by itself. */

import { on } from "./dom.js";

/**
 * @param hotkey words such as `F6` or `alt+KeyT`: KeyboardEvent.code, after the modifiers in this order:
 *   alt, ctrl, meta.
 * @param close called with the focused card.
 * @returns release(card): it is about to go; when it has the focus, the next one gets it, else the
 *   place it came from.
 */
export function enableKeyboard(region, hotkey, close) {
  let origin; // where the focus was before it came here

  const visible = () => [...region.querySelectorAll("[data-state=visible]")];

  function goTo(node) {
    node ||= origin;
    if (node?.isConnected) node.focus();
    else document.activeElement?.blur();
  }

  on(document, "keydown", (event) => {
    const focused = region.contains(document.activeElement) && document.activeElement;
    const card = focused && focused.closest("[data-toast-id]");
    const [newest] = visible();
    const keys = ["alt", "ctrl", "meta"].filter((name) => event[`${name}Key`]);
    if (event.defaultPrevented || event.isComposing) return;
    // With nothing to reach, the key is the browser's.
    if (hotkey.split(" ").includes([...keys, event.code].join("+")) && (focused || newest)) goTo(!focused && newest);
    else if (event.key === "Escape" && card) close(card);
    else return;
    event.preventDefault();
  });
  on(region, "focusin", ({ relatedTarget }) => {
    if (relatedTarget && !region.contains(relatedTarget)) origin = relatedTarget;
  });

  return (card) => {
    const others = visible();
    // 4: Node.DOCUMENT_POSITION_FOLLOWING
    const follows = (other) => card.compareDocumentPosition(other) & 4;
    if (card.contains(document.activeElement)) goTo(others.find(follows) ?? others.at(-1));
  };
}
