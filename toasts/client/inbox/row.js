/** One toast in the inbox. */

import { make } from "./dom.js";

export function createRow({ id, level, url, message, title, actions, created_at, read }, t) {
  const moment = new Date(created_at).toLocaleString();
  const row = make(
    "li",
    {},
    make(
      "div",
      {},
      link(title || message, url),
      make("p", { textContent: title && message }),
      ...actions.map((action) => action.url && link(action.label, action.url)),
      make("small", { textContent: `${t(level)} · ${moment}` }),
    ),
    make("button", { type: "button", ariaLabel: `${t("Mark as read")}: ${title || message}`, textContent: read ? "" : "✓" }),
  );
  Object.assign(row.dataset, { id, read });
  row.style.setProperty("--tone", `var(--toasts-${level})`);
  return row;
}

/** A link where the address is allowed, else text. */
function link(textContent, href) {
  const node = make("a", { textContent, href });
  if (!href || !/^(https?|mailto):/.test(node.href)) node.removeAttribute("href");
  return node;
}
