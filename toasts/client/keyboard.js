/** A key to the newest toast and back, Escape closes the focused one. Focus never moves by itself. */

import { on } from "./dom.js";

/**
 * @param hotkey words such as `F6` or `alt+KeyT`: KeyboardEvent.code, after the modifiers in this order:
 *   alt, ctrl, meta.
 * @returns release(node): a toast is about to go; when it has the focus, the next one gets it, else the
 *   place it came from.
 */
export function enableKeyboard(region, hotkey, dismiss) {
  let origin; // where the focus was before it came here

  const focused = () => region.contains(document.activeElement) && document.activeElement;
  const visible = () => [...region.querySelectorAll("[data-state=visible]")];

  function goTo(node) {
    if (node) node.focus({ preventScroll: true });
    else if (origin?.isConnected) origin.focus({ preventScroll: true });
    else document.activeElement.blur();
  }

  on(document, "keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const held = ["alt", "ctrl", "meta"].filter((name) => event[`${name}Key`]);
    const toast = focused() && focused().closest("[data-toast-id]");
    if (hotkey.split(" ").includes([...held, event.code].join("+"))) {
      const [newest] = visible();
      if (focused()) goTo();
      else if (newest) newest.focus();
      else return; // nothing to reach: the key is the browser's
    } else if (event.key === "Escape" && toast) dismiss(toast);
    else return;
    event.preventDefault();
  });
  on(region, "focusin", ({ relatedTarget }) => {
    if (relatedTarget && !region.contains(relatedTarget)) origin = relatedTarget;
  });

  return (node) => {
    if (!node.contains(document.activeElement)) return;
    const others = visible();
    const index = others.indexOf(node);
    goTo(others[index + 1] ?? others[index - 1]);
  };
}
