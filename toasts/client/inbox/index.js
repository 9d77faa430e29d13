/** The bundle's entry: defines `<toast-bell>` and `<toast-inbox>`, once per window. */

import { buildBell } from "./bell.js";
import { buildInbox } from "./list.js";
import { followPage, listeners, noteChange } from "./unread.js";

/**
 * @param {string} name
 * @param {(host: HTMLElement) => (count?: number) => void} build makes the element's parts, in place of
 *   those that a copied page has, and returns the listener to the number of unread toasts
 */
function define(name, build) {
  class Element extends HTMLElement {
    /** @type {((count?: number) => void) | undefined} */
    #show;

    connectedCallback() {
      this.#show ??= build(this);
      listeners.add(this.#show);
      noteChange();
    }

    disconnectedCallback() {
      if (this.#show) listeners.delete(this.#show);
    }
  }
  customElements.define(name, Element);
}

if (!customElements.get("toast-bell")) {
  followPage();
  define("toast-inbox", buildInbox);
  define("toast-bell", buildBell);
}
