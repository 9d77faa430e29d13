/**
 * The toasts of this page, newest first. It knows no DOM and no network: state goes in, changes come out.
 *
 * Toasts with `local` are the page's own: the server's snapshots leave them alone.
 */

import { isHidden } from "./memory.js";

/** @import { Change, Reason, Toast } from "./types.d.ts" */

/** @type {Map<string, Toast>} oldest first */
const toasts = new Map();

/** @type {Set<(changes: Change[], isSnapshot: boolean) => void>} */
export const listeners = new Set();

/** @returns {Toast[]} newest first */
export const list = () => [...toasts.values()].reverse();

/**
 * @param {unknown} id
 * @returns {Toast | undefined}
 */
export const get = (id) => toasts.get(`${id}`);

/**
 * @param {Change[]} changes
 * @param {boolean} [isSnapshot]
 */
function publish(changes, isSnapshot = false) {
  if (changes.length === 0) return;
  for (const listener of listeners) listener(changes, isSnapshot);
}

/**
 * Add new toasts and replace changed ones, which keep their place.
 *
 * @param {Toast[]} incoming
 * @param {string[]} [activeIds] of all that are active, where that is known: drops the rest
 */
export function put(incoming, activeIds) {
  const changes = activeIds ? drop(serverToasts(activeIds), "remote") : [];
  for (const toast of incoming) {
    const previous = get(toast.id);
    if (!previous && !toast.local && isHidden(toast)) continue;
    toasts.set(toast.id, toast);
    if (previous?.fingerprint !== toast.fingerprint) changes.push({ toast, previous });
  }
  publish(changes, Boolean(activeIds));
}

/**
 * Return the toasts that are not the page's own, newest first.
 *
 * @param {string[]} [without] ids
 * @returns {Toast[]}
 */
export const serverToasts = (without = []) =>
  list().filter(({ id, local }) => !local && !without.includes(id));

/**
 * @param {Toast[]} gone
 * @param {Reason} reason
 * @returns {Change[]}
 */
function drop(gone, reason) {
  for (const { id } of gone) toasts.delete(id);
  return gone.map((toast) => ({ toast, reason }));
}

/**
 * Remove toasts; unknown ids are ignored.
 *
 * @param {unknown[]} ids
 * @param {Reason} reason
 * @returns {Toast[]} those that were there
 */
export function remove(ids, reason) {
  const found = ids.map(get).filter((toast) => toast !== undefined);
  publish(drop(found, reason));
  return found;
}

/**
 * Remove all toasts but the page's own.
 *
 * @param {Reason} reason
 */
export const clear = (reason) => publish(drop(serverToasts(), reason));
