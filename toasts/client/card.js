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

/**
 * @returns `_node`, its `_inner` of natural height, the `_bar` of its countdown, and `_update(toast, count)`.
 */
export function createCard(labels) {
  const path = element("path");
  const icon = element("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, path);
  const count = element("span", { "data-toast-count": "" });
  const time = element("time");
  const word = element("span", { class: "toasts-hidden" });
  const title = element("span", { "data-toast-title": "" });
  const message = element("span", { "data-toast-message": "" });
  const progress = element("progress", { max: 100 });
  const actions = element("div", { class: "toasts-actions" });
  const cross = element("svg", { viewBox: "0 0 24 24" }, element("path", { d: "m7 7 10 10M17 7 7 17" }));
  const close = element("button", { type: "button", "data-toast-close": "" }, cross);
  const meta = element("div", { class: "toasts-meta" }, count, time);
  const content = element("div", {}, meta, progress, actions);
  const bar = element("i");
  const inner = element("div", { class: "toasts-card" }, icon, content, close, bar);
  const node = element("div", { role: "listitem", tabindex: -1 }, inner);
  let shown = {};

  function update(toast, repeats) {
    const name = (toast.title || toast.message).slice(0, 60);
    node.dataset.toastId = toast.id;
    node.dataset.level = toast.level;
    node.ariaLabel = sentence(toast, labels);
    path.setAttribute("d", SHAPES[toast.level]);
    write(word, `${labels[toast.level]}: `);
    write(count, repeats > 1 ? String(repeats) : "");
    write(time, clock(toast.created_at));
    write(title, toast.title);
    write(message, toast.message);
    if (toast.url !== shown.url) {
      if (shown.id) meta.nextSibling.remove();
      // Not draggable: a drag selects its text.
      meta.after(element(toast.url ? "a" : "div", { ...(toast.url && { href: toast.url }), draggable: false, class: "toasts-body" }, word, title, message));
    }
    close.ariaLabel = label(labels.dismiss, { text: name });
    progress.hidden = toast.progress === null;
    progress.ariaLabel = name;
    // `true`: under way, nobody knows how far.
    if (toast.progress === true) progress.removeAttribute("value");
    else progress.value = toast.progress;
    if (JSON.stringify(shown.actions) !== JSON.stringify(toast.actions)) actions.replaceChildren(...toast.actions.map(button));
    shown = toast;
  }

  return { _node: node, _inner: inner, _bar: bar, _update: update };
}

function button({ name, label, url }) {
  const attributes = { "data-toast-action": name };
  return url
    ? element("a", { ...attributes, href: url }, label)
    : element("button", { ...attributes, type: "button" }, label);
}

/** The time of today's, the day of an older one, as the browser's language has it. */
function clock(created) {
  const date = new Date(created);
  return date > 0 ? date.toLocaleString([], Date.now() - date > DAY ? { dateStyle: "short" } : { timeStyle: "short" }) : "";
}
