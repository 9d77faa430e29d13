/** The element of one toast. It stays the same element while the toast changes. */

import { label, labels } from "./config.js";
import { element, write } from "./dom.js";

const SHAPES = {
  info: "M12 16v-5m0-3.5v.01",
  success: "m8 12.5 3 3 5.5-6.5",
  warning: "M12 7.5v5.5m0 3.5v.01",
  error: "m8.5 8.5 7 7m0-7-7 7",
};
const DAY = 86_400_000;

/** What is said of a toast, and read where it has the focus: its level is never told by colour alone. */
export const sentence = ({ level, title, message }) =>
  `${labels[level]}: ${[title, message].filter(Boolean).join(". ")}`;

const icon = (shape) =>
  element("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, element("path", { d: shape }));

const span = (attribute) => element("span", { [attribute]: "" });

const action = ({ name, label, url }) =>
  element(url ? "a" : "button", { "data-toast-action": name, draggable: false, [url ? "href" : "type"]: url || "button" }, label);

/** The time of today's, the day of an older one, as the browser's language has it. */
const clock = (date) =>
  date > 0 ? date.toLocaleString([], { [Date.now() - date > DAY ? "dateStyle" : "timeStyle"]: "short" }) : "";

/** @returns the element, with `_update(toast, count)`. Its first child has its natural height, and the countdown last. */
export function createCard() {
  const badge = icon("");
  const count = span("data-toast-count");
  const time = element("time");
  const word = element("span", { class: "toasts-hidden" });
  const title = span("data-toast-title");
  const message = span("data-toast-message");
  const progress = element("progress", { max: 100 });
  const actions = element("div", { class: "toasts-actions" });
  const close = element("button", { type: "button", "data-toast-close": "" }, icon("m7 7 10 10M17 7 7 17"));
  const meta = element("div", { class: "toasts-meta" }, count, time);
  // Without an address it is no link. Not draggable: a drag selects its text.
  const body = element("a", { class: "toasts-body", draggable: false }, word, title, message);
  const content = element("div", {}, meta, body, progress, actions);
  const card = element("div", { role: "listitem", tabindex: -1 }, element("div", { class: "toasts-card" }, badge, content, close, element("i")));
  let shown; // the actions

  card._update = (toast, repeats) => {
    const text = (toast.title || toast.message).slice(0, 60);
    card.dataset.toastId = toast.id;
    card.dataset.level = toast.level;
    card.style.setProperty("--t", `var(--toasts-${toast.level})`);
    card.ariaLabel = sentence(toast);
    badge.firstChild.setAttribute("d", SHAPES[toast.level]);
    write(count, repeats > 1 ? `${repeats}` : "");
    write(time, clock(new Date(toast.created_at)));
    write(word, `${labels[toast.level]}: `);
    write(title, toast.title);
    write(message, toast.message);
    close.ariaLabel = label(labels.dismiss, text);
    if (toast.url) body.href = toast.url;
    else body.removeAttribute("href");
    if (JSON.stringify(toast.actions) !== shown) actions.replaceChildren(...toast.actions.map(action));
    shown = JSON.stringify(toast.actions);
    progress.hidden = toast.progress === null;
    progress.ariaLabel = text;
    // `true`: under way, nobody knows how far.
    if (toast.progress === true) progress.removeAttribute("value");
    else progress.value = toast.progress;
  };
  return card;
}
