/**
 * The toasts of this page, newest first. Knows no DOM and no network: state goes in, changes come out.
 *
 * @param hidden remembers what left the screen by itself: `has(id, fingerprint)`, `add(...)`.
 * @param pending the dismissals on their way to the server: `has(id)`.
 */
export function createStore({ hidden, pending }) {
  const toasts = new Map(); // id -> toast, oldest first
  const listeners = new Set();

  function list() {
    return [...toasts.values()].reverse();
  }

  function publish(change) {
    const whole = { added: [], updated: [], removed: [], origin: "live", ...change };
    if (whole.added.length + whole.updated.length + whole.removed.length === 0) return;
    for (const listener of [...listeners]) listener(whole);
  }

  function take(incoming) {
    const added = [];
    const updated = [];
    for (const toast of incoming) {
      const known = toasts.get(toast.id);
      if (pending.has(toast.id) || (!known && hidden.has(toast.id, toast.fingerprint))) continue;
      toasts.set(toast.id, toast); // a known id keeps its place
      if (!known) added.push(toast);
      else if (known.fingerprint !== toast.fingerprint) updated.push({ toast, previous: known });
    }
    return { added, updated };
  }

  function discard(ids, reason) {
    const removed = [];
    for (const id of ids) {
      const toast = toasts.get(id);
      if (!toast) continue;
      toasts.delete(id);
      if (reason === "timeout") hidden.add(id, toast.fingerprint);
      removed.push({ toast, reason });
    }
    return removed;
  }

  function missing(ids) {
    const active = new Set(ids);
    return [...toasts.values()].filter(({ id, local }) => !local && !active.has(id)).map(({ id }) => id);
  }

  return {
    list,
    get: (id) => toasts.get(id),
    receive: (incoming) => publish(take(incoming)),
    /** All that is active: drops the rest, in one change with what is new. */
    replace(incoming, ids) {
      const removed = discard(missing(ids), "remote");
      publish({ ...take([...incoming].sort(byAge)), removed, origin: "snapshot" });
    },
    remove: (ids, reason) => publish({ removed: discard(ids, reason) }),
    clear: (reason) => publish({ removed: discard([...toasts.keys()], reason) }),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function byAge(one, other) {
  const age = Date.parse(one.created_at) - Date.parse(other.created_at);
  return age || Number(one.id) - Number(other.id) || 0;
}
