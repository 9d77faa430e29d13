/**
 * The toasts of this page, newest first. Knows no DOM and no network: state goes in, changes come out.
 *
 * Toasts with `local` are the page's own: the server's snapshots leave them alone.
 */

import { hides } from "./memory.js";

const toasts = new Map(); // id -> toast, oldest first

/**
 * Each is called as (changes, snapshot). A change has its `toast`, and `_previous` when it was another before,
 * or the `reason` why it is gone: "user": this page's user dismissed it; "timeout": it stays unread;
 * "remote", "signed-out", "suspended": from elsewhere.
 */
export const listeners = new Set();

export const list = () => [...toasts.values()].reverse();
export const get = (id) => toasts.get(`${id}`);

function publish(changes, snapshot) {
  if (changes[0]) listeners.forEach((listener) => listener(changes, snapshot));
}

/**
 * New ones and changed ones.
 * @param ids of all that are active, where that is known: drops the rest.
 */
export function put(incoming, ids) {
  const changes = ids ? discard(others(ids), "remote") : [];
  for (const toast of incoming) {
    const _previous = get(toast.id);
    if (!_previous && !toast.local && hides(toast)) continue;
    toasts.set(toast.id, toast); // a known id keeps its place
    if (_previous?._mark !== toast._mark) changes.push({ toast, _previous });
  }
  publish(changes, !!ids);
}

/** Those of the server, without these. */
export const others = (ids) => list().filter(({ id, local }) => !local && !ids.includes(id));

const discard = (found, reason) => found.map((toast) => toasts.delete(toast.id) && { toast, reason });

/** @returns those that there were. */
export function remove(ids, reason) {
  const found = ids.map(get).filter(Boolean);
  publish(discard(found, reason));
  return found;
}

/** They are somebody else's. */
export const clear = (reason) => publish(discard(others([]), reason));
