/** `<toast-bell>`: a button with the number of unread toasts, which opens the inbox. */

import { make } from "./dom.js";
import { translator } from "./labels.js";

/** @returns show(count). */
export function buildBell(bell) {
  const t = translator(bell);
  const button = make("button", { type: "button", ariaLabel: t("Inbox") });
  const voice = make("span", { role: "status" });
  const panel = make("toast-inbox", { popover: "auto" });
  let shown;

  button.popoverTargetElement = panel; // opens, closes, gives back the focus, says whether it is open
  bell.replaceChildren(button, voice, panel);

  return (count = 0) => {
    if (count === shown) return;
    const text = t("{n} unread").replace("{n}", count);
    button.ariaLabel = `${t("Inbox")}: ${text}`;
    button.dataset.count = count > 99 ? "99+" : count;
    if (shown >= 0) voice.textContent = text; // not with every new page
    shown = count;
  };
}
