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
