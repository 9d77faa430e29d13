/** The page's own life: when it hides, leaves, comes back, and when somebody is reading. */

import { on } from "./dom.js";

/** Ends the connection with the page and starts it anew when the page is restored. */
export function watchPage({ store, connection, acks, hidden }) {
  let left = false;
  const wake = () => {
    acks.wake();
    connection.wake();
  };
  on(window, "pagehide", () => {
    left = true;
    connection.stop();
    // A page restored later may belong to somebody else by then: it starts empty.
    store.clear("suspended");
  });
  on(window, "pageshow", () => {
    if (left) {
      hidden.reload();
      connection.start();
    }
    left = false;
    acks.wake();
  });
  on(window, "online", wake);
  on(window, "offline", connection.doubt);
  on(document, "visibilitychange", () => document.hidden || wake());
}

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
