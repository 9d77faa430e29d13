/** `window.toasts`: what a page's own script may do. `toasts.d.ts` has its types. */

import { leave, state } from "./browser.js";
import { mute } from "./presence.js";
import { get, list, put } from "./store.js";
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
  if (toast) put([readToast({ ...toast, ...read(changes), id, _mark: 0 })]);
}

export const dismiss = (id) => leave([id], "user");
export const dismissAll = () => leave(list().map(({ id }) => id), "user");

const result = (given, value) => (typeof given === "function" ? given(value) : given);

function promise(work, texts) {
  const id = show({ progress: true, ...read(texts.loading) });
  const end = (level) => (value) => show({ level, ...read(result(texts[level], value)), id });
  // What fails before it promises anything has failed, too.
  const promise = (async () => result(work))();
  promise.then(end("success"), end("error"));
  return promise;
}

function hear(name, listener) {
  const end = new AbortController(); // and has the `signal` that is an option
  document.addEventListener(`toasts:${name}`, ({ detail }) => listener(detail), end);
  return () => end.abort();
}

export function installApi() {
  window.toasts = {
    get state() {
      return state;
    },
    list,
    show,
    update,
    dismiss,
    dismissAll,
    promise,
    mute,
    on: hear,
  };
}
