/** The element of one toast. It stays the same element while the toast changes. */

import { label } from "./config.js";
import { element, write } from "./dom.js";

const SHAPES = {
  info: "M12 16v-5m0-3.5v.01",
  success: "m8 12.5 3 3 5.5-6.5",
  warning: "M12 7.5v5.5m0 3.5v.01",
  error: "m8.5 8.5 7 7m0-7-7 7",
};
const DAY = 86_400_000;

/** What is said of a toast, and read where it has the focus: its level is never told by colour alone. */
export function sentence({ level, title, message }, labels) {
  return `${labels[level]}: ${[title, message].filter(Boolean).join(". ")}`;
}

const icon = (shape) =>
  element("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, element("path", { d: shape }));

/** Not draggable: a drag selects its text. */
const link = (url, other, attributes, ...children) =>
  element(url ? "a" : other, { ...attributes, [url ? "href" : "type"]: url || "button", draggable: false }, ...children);

/** The time of today's, the day of an older one, as the browser's language has it. */
const clock = (date) =>
  date > 0 ? date.toLocaleString([], Date.now() - date > DAY ? { dateStyle: "short" } : { timeStyle: "short" }) : "";

/** @returns the element, with `_update(toast, count)`. Its first child has its natural height, and the countdown last. */
export function createCard(labels) {
  const span = (attribute, value = "") => element("span", { [attribute]: value });
  const badge = icon("");
  const count = span("data-toast-count");
  const time = element("time");
  const word = span("class", "toasts-hidden");
  const title = span("data-toast-title");
  const message = span("data-toast-message");
  const progress = element("progress", { max: 100 });
  const actions = element("div", { class: "toasts-actions" });
  const close = element("button", { type: "button", "data-toast-close": "" }, icon("m7 7 10 10M17 7 7 17"));
  const meta = element("div", { class: "toasts-meta" }, count, time);
  const content = element("div", {}, meta, element("a"), progress, actions);
  const card = element("div", { role: "listitem", tabindex: -1 }, element("div", { class: "toasts-card" }, badge, content, close, element("i")));
  let shown = {};

  card._update = (toast, repeats) => {
    const text = (toast.title || toast.message).slice(0, 60);
    card.dataset.toastId = toast.id;
    card.dataset.level = toast.level;
    card.ariaLabel = sentence(toast, labels);
    badge.firstChild.setAttribute("d", SHAPES[toast.level]);
    write(count, repeats > 1 ? `${repeats}` : "");
    write(time, clock(new Date(toast.created_at)));
    write(word, `${labels[toast.level]}: `);
    write(title, toast.title);
    write(message, toast.message);
    close.ariaLabel = label(labels.dismiss, { text });
    if (toast.url !== shown.url) meta.nextSibling.replaceWith(link(toast.url, "div", { class: "toasts-body" }, word, title, message));
    if (JSON.stringify(toast.actions) !== JSON.stringify(shown.actions)) {
      actions.replaceChildren(...toast.actions.map(({ name, label, url }) => link(url, "button", { "data-toast-action": name }, label)));
    }
    progress.hidden = toast.progress === null;
    progress.ariaLabel = text;
    // `true`: under way, nobody knows how far.
    if (toast.progress === true) progress.removeAttribute("value");
    else progress.value = toast.progress;
    shown = toast;
  };
  return card;
}
