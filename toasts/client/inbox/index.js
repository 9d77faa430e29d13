/** The second bundle's entry: defines `<toast-bell>` and `<toast-inbox>`, once per window. */

import { buildBell } from "./bell.js";
import { buildInbox } from "./list.js";
import { follow, listeners, note } from "./unread.js";

/** @param build makes an element's parts, in place of those that a copied page has; returns its listener. */
function define(name, build) {
  customElements.define(
    name,
    class extends HTMLElement {
      connectedCallback() {
        listeners.add((this._show ??= build(this)));
        note();
      }

      disconnectedCallback() {
        listeners.delete(this._show);
      }
    },
  );
}

if (!customElements.get("toast-bell")) {
  follow();
  define("toast-inbox", buildInbox);
  define("toast-bell", buildBell);
}
