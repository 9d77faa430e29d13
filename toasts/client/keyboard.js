/** F6 or Alt+T to the newest toast and back, Escape closes the focused one. Focus never moves by itself. */

import { on } from "./dom.js";

export function createKeyboard(region, dismiss) {
  let origin = null; // where the focus was before it came here

  const focused = () => region.contains(document.activeElement) && document.activeElement;
  const visible = () => [...region.querySelectorAll("[data-state=visible]")];

  function goBack() {
    if (origin?.isConnected) origin.focus({ preventScroll: true });
    else document.activeElement?.blur();
  }

  function jump(event) {
    const [newest] = visible();
    if (focused()) goBack();
    else if (newest) newest.focus();
    else return; // nothing to reach: the key is the browser's
    event.preventDefault();
  }

  function onKey(event) {
    if (event.defaultPrevented || event.isComposing) return;
    const plain = !event.ctrlKey && !event.metaKey;
    if (plain && (event.key === "F6" || (event.altKey && event.code === "KeyT"))) return jump(event);
    if (event.key !== "Escape") return;
    const toast = focused() && document.activeElement.closest("[data-toast-id]");
    if (!toast) return;
    event.preventDefault();
    dismiss(toast.dataset.toastId);
  }

  on(document, "keydown", onKey);
  on(region, "focusin", ({ relatedTarget }) => {
    if (relatedTarget && !region.contains(relatedTarget)) origin = relatedTarget;
  });

  return {
    /** A toast is about to go: when it has the focus, the next one gets it, else the place it came from. */
    release(element) {
      if (!element.contains(document.activeElement)) return;
      const others = visible();
      const index = others.indexOf(element);
      const next = others[index + 1] ?? others[index - 1];
      if (next) next.focus({ preventScroll: true });
      else goBack();
    },
  };
}
