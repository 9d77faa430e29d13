/** The one region of the page, and its parts. */

import { element } from "../shared/dom.js";
import { settings } from "./config.js";

/**
 * What screen readers read, apart from what is seen: a polite live region that is in the page from the
 * start, because readers miss a text that comes together with its region.
 */
export const liveRegion = element("div", { role: "status" });

/** The cards. */
export const list = element("div", { role: "list" });

/** The buttons under the stack. */
export const moreButton = element("button", { type: "button" });
export const clearButton = element(
  "button",
  { type: "button", class: "toasts-clear" },
  settings.clear,
);
export const bar = element("div", { class: "toasts-bar" }, moreButton, clearButton);

export const stack = element("div", { class: "toasts-stack" }, list, bar);

export const region = element(
  "section",
  {
    "data-toasts-region": "",
    "data-connection": "connecting",
    "data-position": settings.position,
  },
  liveRegion,
  stack,
);
