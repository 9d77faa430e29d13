/** `window.toasts`: what a page's own script may do. `toasts.d.ts` has its types. */

import { leave, stateNow } from "./browser.js";
import { VERSION } from "./config.js";
import { on } from "./dom.js";
import { mute } from "./presence.js";
import { get, list, listeners, put } from "./store.js";
import { readToast } from "./wire.js";

/** A text alone is a message. */
const read = (options) => (typeof options === "object" ? options : { message: options });

/** Shows a toast of this page's own, or changes it where there is one with this id. */
function show(options) {
  const own = { id: `local-${Math.random()}`, created_at: new Date().toJSON(), local: true };
  const toast = readToast({ ...own, ...read(options) });
  put([toast]);
  return toast.id;
}

function update(id, changes) {
  const toast = get(id);
  if (toast) put([readToast({ ...toast, ...read(changes), id })]);
}

export const dismiss = (id) => leave([id], "user");
export const dismissAll = () => leave(list().map(({ id }) => id), "user");

function promise(work, texts) {
  const id = show({ progress: true, ...read(texts.loading) });
  const end = (level) => (value) => {
    const given = texts[level];
    show({ level, ...read(typeof given === "function" ? given(value) : given), id });
  };
  // What fails before it promises anything has failed, too.
  const promise = new Promise((resolve) => resolve(typeof work === "function" ? work() : work));
  promise.then(end("success"), end("error"));
  return promise;
}

function hear(name, listener) {
  const hear = ({ detail }) => listener(detail);
  on(document, `toasts:${name}`, hear);
  return () => document.removeEventListener(`toasts:${name}`, hear);
}

function subscribe(listener) {
  const tell = () => listener(list());
  tell();
  listeners.add(tell);
  return () => listeners.delete(tell);
}

export function installApi() {
  window.toasts = {
    version: VERSION,
    get state() {
      return stateNow();
    },
    list,
    show,
    update,
    dismiss,
    dismissAll,
    promise,
    mute,
    on: hear,
    subscribe,
  };
}
