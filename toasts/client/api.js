/** `window.toasts`: what a page's own script may do. `toasts.d.ts` has its types. */

import { on } from "./dom.js";
import { readToast } from "./wire.js";

/**
 * @param dismiss called with the ids of toasts, or none for all.
 * @param mute called with whether toasts are to be held back.
 * @param connection has the `state`.
 */
export function createApi({ store, dismiss, mute, connection, version }) {
  /** A text alone is a message. */
  const read = (options) => (typeof options === "object" ? options : { message: options });

  /** Shows a toast of this page's own, or changes it where there is one with this id. */
  function show(options) {
    const own = { id: `local-${Math.random()}`, created_at: new Date().toJSON(), local: true };
    const toast = readToast({ ...own, ...read(options) }, location.href);
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
      const toast = store.get(`${id}`);
      if (toast) show({ local: toast.local, ...toast, ...read(changes), id });
    },
    dismiss: (id) => dismiss([`${id}`]),
    dismissAll: () => dismiss(),
    promise(work, texts) {
      const id = show({ progress: true, ...read(texts.loading) });
      const end = (level) => (value) => {
        const given = texts[level];
        show({ level, ...read(typeof given === "function" ? given(value) : given), id });
      };
      // What fails before it promises anything has failed, too.
      const promise = new Promise((resolve) => resolve(typeof work === "function" ? work() : work));
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
