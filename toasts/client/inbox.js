/** Gives the store what arrives, in its words. A stream's snapshot is held until its `sync`: one change. */

import { list, readToast } from "./wire.js";

/** Milliseconds that a snapshot may take, from its first toast; then they are shown as they came. */
const PATIENCE = 1_000;

/**
 * @param base () => the page's address, for relative links.
 */
export function createInbox({ store, world, base }) {
  let held = null; // id -> toast, while a snapshot is under way
  let timer = null;

  const read = (raws) => list(raws).map((raw) => readToast(raw, base())).filter(Boolean);

  function release() {
    world.clear(timer);
    timer = null;
    const toasts = [...(held?.values() ?? [])];
    held = null;
    return toasts;
  }

  return {
    open() {
      release();
      held = new Map();
    },
    close: () => void release(),
    toast(raw) {
      const toasts = read([raw]);
      if (!held) return store.receive(toasts);
      toasts.forEach((toast) => held.set(toast.id, toast));
      timer ??= world.set(() => store.receive(release()), PATIENCE);
    },
    dismiss(data) {
      const ids = readIds(data);
      ids.forEach((id) => held?.delete(id));
      store.remove(ids, "remote");
    },
    sync(data) {
      store.replace(release(), readIds(data));
    },
    /** A poll's answer: all that is active. */
    snapshot(raws) {
      const toasts = read(raws);
      store.replace(toasts, toasts.map((toast) => toast.id));
    },
    clear(reason) {
      release();
      store.clear(reason);
    },
  };
}

function readIds(data) {
  return list(data.ids).map(String);
}
