/** `<toast-bell>`: a button with the number of unread toasts, which opens the inbox. */

import { element } from "../shared/dom.js";
import { translator } from "./labels.js";

const MOST_SHOWN = 99;

/**
 * Build the bell's parts.
 *
 * @param {HTMLElement} bell
 * @returns {(count?: number) => void} shows how many toasts are unread; none where nobody is signed in
 */
export function buildBell(bell) {
  const translate = translator(bell);
  const button = element("button", { type: "button", "aria-label": translate("Inbox") });
  const liveRegion = element("span", { role: "status" });
  const panel = element(/** @type {"div"} */ ("toast-inbox"), { popover: "auto" });
  /** @type {number | undefined} */
  let shown;

  // The browser opens and closes the panel, gives the focus back, and exposes whether it is open.
  button.popoverTargetElement = panel;
  bell.replaceChildren(button, liveRegion, panel);

  return (count = 0) => {
    if (count === shown) return;
    const text = translate("{n} unread").replace("{n}", `${count}`);
    button.ariaLabel = `${translate("Inbox")}: ${text}`;
    button.dataset.count = count > MOST_SHOWN ? `${MOST_SHOWN}+` : `${count}`;
    if (shown !== undefined) liveRegion.textContent = text; // not with every new page
    shown = count;
  };
}
