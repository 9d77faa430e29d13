/** One toast in the inbox. */

import { element } from "../shared/dom.js";
import { safeUrl } from "../shared/links.js";

/**
 * Build the row of a toast.
 *
 * @param {Record<string, any>} toast as the API gives it
 * @param {import("./labels.js").Translate} translate
 * @returns {HTMLElement}
 */
export function createRow(toast, translate) {
  const name = toast.title || toast.message;
  const moment = new Date(toast.created_at).toLocaleString();
  const content = element(
    "div",
    {},
    link(name, toast.url),
    element("p", {}, toast.title && toast.message),
    ...actionLinks(toast.actions),
    element("small", {}, `${translate(toast.level)} · ${moment}`),
  );
  const attributes = { type: "button", "aria-label": `${translate("Mark as read")}: ${name}` };
  const readButton = element("button", attributes, toast.read ? "" : "✓");
  const row = element("li", { "data-id": toast.id, "data-read": toast.read }, content, readButton);
  row.style.setProperty("--_tone", `var(--toasts-${toast.level})`);
  return row;
}

/** @param {unknown} actions those without a link are for the page alone; plain SQL may write others than a list */
function actionLinks(actions) {
  const list = Array.isArray(actions) ? actions : [];
  return list.filter((action) => action?.url).map(({ label, url }) => link(label, url));
}

/**
 * @param {string} text
 * @param {string} address where it is not allowed, the link is none
 */
function link(text, address) {
  const href = safeUrl(address);
  return element("a", href ? { href } : {}, text);
}
