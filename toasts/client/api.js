/** `window.toasts`: what a page's own script may do. `toasts.d.ts` has its types. */

import { on } from "./dom.js";
import { readToast } from "./wire.js";

/**
 * @param dismiss called with the ids of toasts.
 * @param mute called with whether toasts are to be held back.
 */
export function createApi({ store, dismiss, mute, connection, version }) {
  /** Shows a toast of this page's own, or changes it where there is one with this id. */
  function show(options) {
    const raw = { id: `local-${Math.random()}`, key: "", data: null, created_at: new Date().toISOString(), expires_at: null, read: false };
    const toast = readToast({ ...raw, ...text(options), local: true }, location.href);
    store.receive([toast]);
    return toast.id;
  }

  return {
    version,
    get state() {
      return connection.state;
    },
    list: store.list,
    show,
    update(id, changes) {
      const toast = store.get(String(id));
      if (toast) store.receive([readToast({ ...toast, ...text(changes), id: toast.id }, location.href)]);
    },
    dismiss: (id) => dismiss([String(id)]),
    dismissAll: () => dismiss(store.list().map(({ id }) => id)),
    promise(work, texts) {
      const id = show({ progress: true, ...text(texts.loading) });
      const end = (level) => (value) => {
        const given = texts[level];
        show({ level, ...text(typeof given === "function" ? given(value) : given), id });
      };
      const promise = Promise.resolve(typeof work === "function" ? work() : work);
      promise.then(end("success"), end("error"));
      return promise;
    },
    mute,
    on(name, listener) {
      const hear = ({ detail }) => listener(detail);
      on(document, `toasts:${name}`, hear);
      return () => document.removeEventListener(`toasts:${name}`, hear);
    },
    subscribe(listener) {
      const tell = () => listener(store.list());
      tell();
      return store.subscribe(tell);
    },
  };
}

/** A text alone is a message. */
function text(options) {
  return typeof options === "object" ? options : { message: options };
}
