/** `<toast-inbox>`: unread and earlier toasts, newest first; in the page, or as the bell's panel. */

import { element } from "../shared/dom.js";
import { getJson, postTo } from "./api.js";
import { translator } from "./labels.js";
import { createRow } from "./row.js";
import { noteChange } from "./unread.js";

/** Toasts more at a time. */
const STEP = 20;
/** Toasts at most: what the server gives at a time, and what a page should hold. */
const MOST = 200;

class Inbox {
  #host;
  #translate;
  #readAll = element("button", { type: "button" });
  #list = element("ul", { role: "list" });
  #status = element("p", { role: "status" });
  #more = element("button", { type: "button" });
  // One request after the other, so that the last answer is the newest.
  #queue = Promise.resolve();
  #size = STEP;

  /** @param {HTMLElement} host */
  constructor(host) {
    this.#host = host;
    this.#translate = translator(host);
    const name = this.#translate("Inbox");
    const head = element("span", {}, element("b", {}, name), this.#readAll);
    host.setAttribute("role", "region");
    host.ariaLabel = name;
    host.tabIndex = -1;
    host.replaceChildren(head, this.#list, this.#status, this.#more);
    host.addEventListener("toggle", () => this.#onToggle());
    this.#readAll.onclick = () => this.#load("read-all/");
    this.#list.onclick = ({ target }) => this.#onClick(/** @type {Element} */ (target));
  }

  /** @param {number} [count] of unread toasts; none where nobody is signed in */
  show(count) {
    this.#readAll.textContent = count ? this.#translate("Mark all as read") : "";
    if (count === undefined) this.#replaceRows([]);
    else if (this.#host.checkVisibility()) this.#load();
  }

  #onToggle() {
    if (!this.#host.checkVisibility()) return;
    this.#host.focus(); // which closing gives back to the bell
    this.#load();
  }

  /** @param {Element} target */
  #onClick(target) {
    /** @type {HTMLElement | null} */
    const row = target.closest("li");
    if (row && target.closest("button, [href]")) this.#load(`${row.dataset.id}/read/`);
  }

  /** @param {string} [path] of a change that is to be posted first */
  #load(path) {
    this.#queue = this.#queue.then(() => this.#loadNow(path));
  }

  /** @param {string} [path] */
  async #loadNow(path) {
    if (!this.#list.firstChild) this.#status.textContent = this.#translate("Loading…");
    try {
      if (path) await postTo(path).then(noteChange);
      this.#showPage(await getJson(`?page_size=${this.#size}`));
    } catch {
      this.#showFailure(path);
    }
  }

  /** @param {{ results: Record<string, any>[], next: string | null }} page */
  #showPage({ results, next }) {
    this.#replaceRows(results.map((toast) => this.#rowOf(toast)));
    this.#status.textContent = results.length > 0 ? "" : this.#translate("Nothing here yet.");
    const hasMore = next && this.#size < MOST;
    this.#more.textContent = hasMore ? this.#translate("Show earlier") : "";
    this.#more.onclick = () => {
      this.#size += STEP;
      this.#load();
    };
  }

  /** @param {string} [path] */
  #showFailure(path) {
    this.#status.textContent = this.#translate("Not loaded.");
    this.#more.textContent = this.#translate("Try again");
    this.#more.onclick = () => this.#load(path);
  }

  /**
   * Return the row that is there already, if it shows the same: it may have the focus.
   *
   * @param {Record<string, any>} toast
   */
  #rowOf(toast) {
    const row = createRow(toast, this.#translate);
    return [...this.#list.children].find((known) => known.isEqualNode(row)) ?? row;
  }

  /** @param {Element[]} rows */
  #replaceRows(rows) {
    const focused = /** @type {HTMLElement} */ (document.activeElement);
    const hadFocus = this.#list.contains(focused);
    this.#list.replaceChildren(...rows);
    if (hadFocus) this.#restoreFocus(focused);
  }

  /** @param {HTMLElement} focused */
  #restoreFocus(focused) {
    /** @type {HTMLElement | null} */
    const nextButton = this.#list.querySelector("button:not(:empty)");
    (focused.isConnected ? focused : (nextButton ?? this.#host)).focus();
  }
}

/**
 * Build the inbox's parts.
 *
 * @param {HTMLElement} host
 * @returns {(count?: number) => void} shows the toasts, of which `count` are unread; none where nobody is
 *   signed in
 */
export function buildInbox(host) {
  const inbox = new Inbox(host);
  return (count) => inbox.show(count);
}
