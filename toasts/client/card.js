/** The element of one toast. It stays the same element while the toast changes. */

import { label } from "./config.js";
import { element, icon, setText } from "./dom.js";

const SHAPES = {
  info: "M12 16v-5m0-3.5v.01",
  success: "m8 12.5 3 3 5.5-6.5",
  warning: "M12 7.5v5.5m0 3.5v.01",
  error: "m8.5 8.5 7 7m0-7-7 7",
  close: "m7 7 10 10M17 7 7 17",
};

export function createCard(toast, labels) {
  const badge = icon("badge");
  const word = element("span", { class: "toasts-hidden" });
  const title = element("span", { "data-toast-title": "" });
  const message = element("span", { "data-toast-message": "" });
  const content = element("div", { class: "toasts-content" }, element("div"));
  const close = element("button", { type: "button", "data-toast-close": "" }, icon("cross", SHAPES.close));
  const card = element("div", { class: "toasts-card" }, badge, content, close);
  const node = element("div", { role: "listitem", tabindex: "-1" }, element("div", { class: "toasts-slot" }, card));
  node.dataset.toastId = toast.id;
  let shown = {};

  function update(next) {
    node.dataset.level = next.level;
    badge.firstChild.setAttribute("d", SHAPES[next.level]);
    setText(word, `${labels[next.level]}: `);
    setText(title, next.title);
    setText(message, next.message);
    if (next.url !== shown.url) content.firstChild.replaceWith(link(next.url, { class: "toasts-body" }, word, title, message));
    progress(content, next);
    if (JSON.stringify(next.actions) !== JSON.stringify(shown.actions)) actions(content, next.actions);
    close.setAttribute("aria-label", label(labels.dismiss, { text: shorten(next.title || next.message) }));
    shown = next;
  }

  update(toast);
  return { node, update };
}

function link(url, attributes, ...children) {
  if (!url) return element("div", attributes, ...children);
  const foreign = new URL(url).origin !== location.origin;
  return element("a", { ...attributes, href: url, ...(foreign && { rel: "noopener noreferrer" }) }, ...children);
}

function progress(content, toast) {
  const known = content.querySelector("progress");
  if (toast.progress === null) return known?.remove();
  const bar = known ?? element("progress", { max: "100" });
  bar.setAttribute("aria-label", shorten(toast.title || toast.message));
  bar.value = toast.progress;
  if (!known) content.firstChild.after(bar);
}

function actions(content, list) {
  content.querySelector(".toasts-actions")?.remove();
  if (list.length === 0) return;
  const buttons = list.map((action) => {
    const attributes = { "data-toast-action": action.name };
    return action.url
      ? link(action.url, attributes, action.label)
      : element("button", { type: "button", ...attributes }, action.label);
  });
  content.append(element("div", { class: "toasts-actions" }, ...buttons));
}

function shorten(text) {
  const characters = [...text];
  return characters.length > 60 ? `${characters.slice(0, 59).join("").trimEnd()}…` : text;
}
