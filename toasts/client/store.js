/**
 * The toasts of this page, newest first. Knows no DOM and no network: state goes in, changes come out.
 *
 * Toasts with `local` are the page's own: the server's snapshots leave them alone.
 *
 * @param memory what left the screen already: `_hides(toast)`.
 * @param left (toast, reason): a toast left the screen by its time ("timeout") or the user ("user").
 */
export function createStore(memory, left) {
  const toasts = new Map(); // id -> toast, oldest first
  const listeners = new Set();

  const list = () => [...toasts.values()].reverse();

  function publish(added, updated, removed, origin) {
    if (!added[0] && !updated[0] && !removed[0]) return;
    for (const listener of [...listeners]) listener({ added, updated, removed, origin });
  }

  function take(incoming, removed, origin) {
    const added = [];
    const updated = [];
    for (const toast of incoming) {
      const known = toasts.get(toast.id);
      if (!known && !toast.local && memory._hides(toast)) continue;
      toasts.set(toast.id, toast); // a known id keeps its place
      if (!known) added.push(toast);
      else if (known.fingerprint !== toast.fingerprint) updated.push({ toast, previous: known });
    }
    publish(added, updated, removed, origin);
  }

  function discard(ids, reason, told) {
    const removed = [];
    for (const id of ids) {
      const toast = toasts.get(id);
      if (!toast) continue;
      toasts.delete(id);
      removed.push({ toast, reason });
      if (!told && !toast.local) left(toast, reason);
    }
    return removed;
  }

  const put = (incoming) => take(incoming, [], "live");

  const others = (ids) => list().filter((toast) => !toast.local && !ids.includes(toast.id)).map(({ id }) => id);

  return {
    list,
    get: (id) => toasts.get(id),
    /** New ones and changed ones. */
    put,
    receive: put,
    /** All that is active: drops the rest, in one change with what is new. */
    replace(incoming) {
      const ids = incoming.map(({ id }) => id);
      take(incoming, discard(others(ids), "remote", true), "snapshot");
    },
    /**
     * @param reason "user": this page's user dismissed it, which the server is told; "timeout": it stays
     *   unread; "remote", "signed-out", "suspended": from elsewhere. @param told others know it already.
     */
    remove: (ids, reason, told) => publish([], [], discard(ids, reason, told), "live"),
    clear: (reason) => publish([], [], discard(others([]), reason, true), "live"),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
