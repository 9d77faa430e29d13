/** When somebody is reading. */

import { on } from "./dom.js";

/** Stops the countdowns while a reader is there (pointer, keyboard focus) or surely is not. */
export function watchPauses(region, timers) {
  const inside = (node) => node instanceof Node && region.contains(node);
  // On the document: a toast that vanishes under the pointer gets no `pointerleave`.
  on(document, "pointerover", (event) => timers.pause("pointer", inside(event.target)));
  on(document, "pointerout", (event) => event.relatedTarget || timers.pause("pointer", false));
  on(region, "focusin", () => timers.pause("focus", region.querySelector(":focus-visible")));
  on(region, "focusout", (event) => inside(event.relatedTarget) || timers.pause("focus", false));
  // A focused frame blurs the window too, yet the document then still has the focus.
  const away = () => timers.pause("away", document.hidden || !document.hasFocus());
  on(document, "visibilitychange", away);
  on(window, "blur focus", away);
  away();
}
