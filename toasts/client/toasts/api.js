/** `window.toasts`: what a page's own script may do. `toasts.d.ts` has its types. */

import { dismiss, state } from "./browser.js";
import { VERSION } from "./config.js";
import { mute } from "./presence.js";
import { get, list, listeners, put } from "./store.js";
import { readToast } from "./wire.js";

/** @import { ToastText, ToastsApi } from "../../static/toasts/toasts.d.ts" */

/**
 * @param {ToastText} text a text alone is the message
 * @returns {Record<string, any>}
 */
const optionsOf = (text) => (typeof text === "object" ? text : { message: text });

/**
 * Show a toast of this page's own, or change it where there is one with this id.
 *
 * @param {ToastText} text
 */
function show(text) {
  const options = optionsOf(text);
  const id = options.id ?? `local-${Math.random()}`;
  const toast = readToast({ local: true, ...options, id });
  put([toast]);
  return toast.id;
}

/**
 * @param {string | number} id
 * @param {ToastText} changes
 */
function update(id, changes) {
  const toast = get(id);
  if (toast) put([readToast({ ...toast, ...optionsOf(changes), id })]);
}

/** Close all toasts: they are read. */
export function dismissAll() {
  dismiss(
    list().map(({ id }) => id),
    "user",
  );
}

/** @type {ToastsApi["promise"]} */
function promise(work, texts) {
  const id = show({ progress: true, ...optionsOf(texts.loading) });
  /** @param {"success" | "error"} level */
  const end = (level) => (/** @type {any} */ value) => {
    const text = texts[level];
    show({ level, ...optionsOf(typeof text === "function" ? text(value) : text), id });
  };
  // What fails before it promises anything has failed, too.
  const result = (async () => (typeof work === "function" ? work() : work))();
  result.then(end("success"), end("error"));
  return result;
}

/** @type {ToastsApi["on"]} */
function on(name, listener) {
  const onEvent = (/** @type {any} */ { detail }) => listener(detail);
  document.addEventListener(`toasts:${name}`, onEvent);
  return () => document.removeEventListener(`toasts:${name}`, onEvent);
}

/** @type {ToastsApi["subscribe"]} */
function subscribe(listener) {
  // Async, so that its failure, which the browser reports, stops nothing else.
  const onChange = async () => listener(list());
  onChange();
  listeners.add(onChange);
  return () => listeners.delete(onChange);
}

export function installApi() {
  /** @type {ToastsApi} */
  const api = {
    version: VERSION,
    get state() {
      return state;
    },
    list,
    show,
    update,
    dismiss: (id) => dismiss([id], "user"),
    dismissAll,
    promise,
    mute,
    on,
    subscribe,
  };
  Object.assign(window, { toasts: api });
}
