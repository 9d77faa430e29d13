/** The element of one toast. It stays the same element while the toast changes. */

import { element, setText } from "../shared/dom.js";
import { fill, settings } from "./config.js";
import { createIcon, drawLevel } from "./icons.js";

/** @import { Action, Toast } from "./types.d.ts" */

const DAY = 86_400_000; // milliseconds
const LONGEST_NAME = 60; // characters

/**
 * Return the text of a toast for screen readers: its level is never shown by colour alone.
 *
 * @param {Toast} toast
 * @returns {string}
 */
export function sentence({ level, title, message }) {
  return `${settings[level]}: ${[title, message].filter(Boolean).join(". ")}`;
}

/** @param {Action} action */
function actionElement({ name, label, url }) {
  // Not draggable: a drag selects its text.
  const attributes = { "data-toast-action": name, draggable: false };
  return url
    ? element("a", { ...attributes, href: url }, label)
    : element("button", { ...attributes, type: "button" }, label);
}

/**
 * Return the time of today's, the day of an older one, as the browser's language has it.
 *
 * @param {Date} date
 */
function clock(date) {
  const isOld = Date.now() - date.getTime() > DAY;
  return date.toLocaleString([], isOld ? { dateStyle: "short" } : { timeStyle: "short" });
}

export class Card {
  /** What it stands for: the toasts' common key, or the id of one. */
  key = "";
  /** Of what it shows. */
  version = "";
  /** @type {string[]} of its toasts, the newest first */
  ids = [];
  /** @type {Animation | null} */
  countdown = null;

  #badge = createIcon();
  #count = element("span", { "data-toast-count": "" });
  #time = element("time");
  #level = element("em"); // read, not seen
  #title = element("strong", { "data-toast-title": "" });
  #message = element("span", { "data-toast-message": "" });
  #progress = element("progress", { max: 100 });
  #actions = element("div", { class: "toasts-actions" });
  #shownActions = "";
  #close = element("button", { type: "button", "data-toast-close": "" });
  // Without an address it is no link.
  #body = element("a", { class: "toasts-body", draggable: false });
  /** The line of the countdown. */
  line = element("i");
  /** All of it, in its natural height. */
  content = element("div", { class: "toasts-card" });
  element = element("div", { role: "listitem", tabindex: -1 }, this.content);

  constructor() {
    const meta = element("small", {}, this.#count, this.#time);
    this.#body.append(this.#level, this.#title, this.#message);
    const middle = element("div", {}, meta, this.#body, this.#progress, this.#actions);
    this.#close.append(createIcon());
    this.content.append(this.#badge, middle, this.#close, this.line);
  }

  get isVisible() {
    return !this.element.inert;
  }

  /**
   * Show a toast.
   *
   * @param {Toast} toast
   * @param {number} repeats how many toasts the card stands for
   */
  update(toast, repeats) {
    const name = (toast.title || toast.message).slice(0, LONGEST_NAME);
    this.#updateLevel(toast);
    this.element.dataset.toastId = toast.id;
    this.element.ariaLabel = sentence(toast);
    setText(this.#count, repeats > 1 ? `×${repeats}` : "");
    setText(this.#time, clock(new Date(toast.created_at)));
    setText(this.#title, toast.title);
    setText(this.#message, toast.message);
    this.#close.ariaLabel = fill(settings.dismiss, name);
    this.#updateLink(toast.url);
    this.#updateActions(toast.actions);
    this.#updateProgress(toast.progress, name);
  }

  /** @param {Toast} toast */
  #updateLevel({ level }) {
    this.element.dataset.level = level;
    this.element.style.setProperty("--_tone", `var(--toasts-${level})`);
    drawLevel(this.#badge, level);
    setText(this.#level, `${settings[level]}: `);
  }

  /** @param {string} url */
  #updateLink(url) {
    if (url) this.#body.href = url;
    else this.#body.removeAttribute("href");
  }

  /** @param {readonly Action[]} actions */
  #updateActions(actions) {
    const shown = JSON.stringify(actions);
    if (shown === this.#shownActions) return;
    this.#shownActions = shown;
    this.#actions.replaceChildren(...actions.map(actionElement));
  }

  /**
   * @param {number | true | null} progress true: under way, and nobody knows how far
   * @param {string} name
   */
  #updateProgress(progress, name) {
    this.#progress.hidden = progress === null;
    this.#progress.ariaLabel = name;
    if (typeof progress === "number") this.#progress.value = progress;
    else this.#progress.removeAttribute("value");
  }
}
