/** The element of one toast. It stays the same element while the toast changes. */

import { label, settings } from "./config.js";
import { element, write } from "../shared/dom.js";

const GLYPHS = { info: "i", success: "✓", warning: "!", error: "✕" };
const DAY = 86_400_000;

/** What is said of a toast, and read where it has the focus: its level is never told by colour alone. */
export const sentence = ({ level, title, message }) =>
  `${settings[level]}: ${title}${title && message && ". "}${message}`;

const action = ({ name, label, url }) =>
  element(url ? "a" : "button", { "data-toast-action": name, draggable: false, type: "button", href: url }, label);

/** The time of today's, the day of an older one, as the browser's language has it. */
const clock = (date) =>
  date.toLocaleString([], { [Date.now() - date > DAY ? "dateStyle" : "timeStyle"]: "short" });

/** @returns the element, with `_update(toast, count)`. Its first child has its natural height, and the countdown last. */
export function createCard() {
  const badge = element("data", { "aria-hidden": true });
  const count = element("span", { "data-toast-count": "" });
  const time = element("time");
  const word = element("em"); // of the level: read, not seen
  const title = element("strong", { "data-toast-title": "" });
  const message = element("span", { "data-toast-message": "" });
  const progress = element("progress", { max: 100 });
  const actions = element("div");
  const close = element("button", { type: "button", "data-toast-close": "" }, GLYPHS.error);
  // Without an address it is no link. Not draggable: a drag selects its text.
  const body = element("a", { draggable: false }, word, title, message);
  const content = element("div", {}, element("small", {}, count, time), body, progress, actions);
  const card = element("div", { role: "listitem", tabindex: -1 }, element("div", {}, badge, content, close, element("i")));
  let shown; // the actions

  card._update = (toast, repeats) => {
    const text = (toast.title || toast.message).slice(0, 60);
    card.dataset.toastId = toast.id;
    card.dataset.level = toast.level;
    card.style.setProperty("--t", `var(--toasts-${toast.level})`);
    card.ariaLabel = sentence(toast);
    write(badge, GLYPHS[toast.level]);
    write(word, `${settings[toast.level]}: `);
    write(count, repeats > 1 ? `×${repeats} ` : "");
    write(time, clock(new Date(toast.created_at)));
    write(title, toast.title);
    write(message, toast.message);
    close.ariaLabel = label(settings.dismiss, text);
    if (toast.url) body.href = toast.url;
    else body.removeAttribute("href");
    const given = JSON.stringify(toast.actions);
    if (given !== shown) actions.replaceChildren(...toast.actions.map(action));
    shown = given;
    progress.hidden = toast.progress === null;
    progress.ariaLabel = text;
    // `true`: under way, nobody knows how far.
    if (toast.progress === true) progress.removeAttribute("value");
    else progress.value = toast.progress;
  };
  return card;
}
