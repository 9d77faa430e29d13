/** `<toast-inbox>`: unread and earlier toasts, newest first; in the page, or as the bell's panel. */

import { ask } from "./api.js";
import { make } from "./dom.js";
import { translator } from "./labels.js";
import { createRow } from "./row.js";
import { note } from "./unread.js";

const STEP = 20; // toasts more
const MOST = 200; // that the server gives at a time, and that a page should hold

/** @returns show(count). */
export function buildInbox(inbox) {
  const t = translator(inbox);
  const readAll = make("button", { type: "button" });
  const list = make("ul", { role: "list" });
  const status = make("p", { role: "status" });
  const more = make("button", { type: "button" });
  let line = Promise.resolve(); // one request after the other, so that the last answer is the newest
  let size = STEP;

  function attempt(path) {
    line = line.then(async () => {
      if (!list.firstChild) status.textContent = t("Loading…");
      try {
        if (path) await ask(path, true).then(note);
        const { results, next } = await ask(`?page_size=${size}`);
        put(results.map(rowOf));
        status.textContent = results[0] ? "" : t("Nothing here yet.");
        more.textContent = next && size < MOST ? t("Show earlier") : "";
        more.onclick = () => {
          size += STEP;
          attempt();
        };
      } catch {
        status.textContent = t("Not loaded.");
        more.textContent = t("Try again");
        more.onclick = () => attempt(path);
      }
    });
  }

  /** The row that is there already, if it says the same: it may have the focus. */
  function rowOf(toast) {
    const row = createRow(toast, t);
    return [...list.children].find((known) => known.isEqualNode(row)) ?? row;
  }

  function put(rows) {
    const { activeElement } = document;
    const inside = list.contains(activeElement);
    list.replaceChildren(...rows);
    if (inside) (activeElement.isConnected ? activeElement : (list.querySelector("button:not(:empty)") ?? inbox)).focus();
  }

  readAll.onclick = () => attempt("read-all/");
  list.onclick = ({ target }) => {
    const { id } = target.closest("li").dataset;
    if (target.closest("button, [href]")) attempt(`${id}/read/`);
  };
  inbox.ontoggle = () => {
    if (!inbox.checkVisibility()) return;
    inbox.focus(); // which closing gives back to the bell
    attempt();
  };
  Object.assign(inbox, { role: "region", ariaLabel: t("Inbox"), tabIndex: -1 });
  inbox.replaceChildren(make("span", {}, make("b", { textContent: t("Inbox") }), readAll), list, status, more);

  return (count) => {
    readAll.textContent = count ? t("Mark all as read") : "";
    if (count === undefined) put([]);
    else if (inbox.checkVisibility()) attempt();
  };
}
