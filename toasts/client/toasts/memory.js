/**
 * What the tabs know about toasts beyond what is active: which were hidden by their time, and which the
 * user dismissed. localStorage has one entry for each, by owner, so that tabs do not overwrite each other's.
 *
 * An entry is a mark, and when its toast was created: after a backup is restored, the server gives the ids of
 * the lost toasts to new ones, which nobody has seen yet.
 */

import { NAME } from "./config.js";

/** @import { Toast } from "./types.d.ts" */

/** The marks. Any other one is the fingerprint of a toast whose time on the screen is over. */
const PENDING = "!"; // dismissed, and the server does not know it yet
const PENDING_INACTIVE = "!!"; // the same, and the toast is no longer active
const ACKNOWLEDGED = "."; // dismissed, and the server knows it

/** @type {Record<string, string>} */
export let storage = {};

/** Open the storage: call it before the first use. It may take a few milliseconds. */
export function openStorage() {
  try {
    storage = localStorage ?? {};
  } catch {
    // Merely to read it can throw.
  }
}

/** @type {string | undefined} */
let prefix; // undefined: of nobody, so that no key begins with it

/**
 * Keep a value. Where storage is full this page goes on with a copy, which is forgotten with it.
 *
 * @param {string} key
 * @param {string} value
 */
export function persist(key, value) {
  try {
    storage[key] = value;
  } catch {
    storage = { ...storage, [key]: value };
  }
}

/** @param {string} id */
const get = (id) => storage[`${prefix}${id}`] ?? "";
/** @param {string} id */
const markOf = (id) => get(id).split(" ")[0];
/** @param {string} id @param {string | number} mark @param {string} [created] as before, if there is none */
const set = (id, mark, created = get(id).split(" ")[1]) =>
  persist(`${prefix}${id}`, `${mark} ${created}`);
/** @param {string} id */
const drop = (id) => delete storage[`${prefix}${id}`];

/** @returns {string[]} ids */
function entries() {
  const own = Object.keys(storage).filter((key) => prefix && key.startsWith(prefix));
  return own.map((key) => key.slice(prefix?.length));
}

/** @param {string} id */
const isPending = (id) => get(id).startsWith(PENDING);

/**
 * From now on the entries are this owner's.
 *
 * @param {string | undefined} owner
 */
export function rememberFor(owner) {
  prefix = `${NAME}:${owner}:`;
}

/**
 * Remember that a toast's time on the screen is over.
 *
 * @param {Toast} toast
 */
export const markHidden = ({ id, fingerprint, created_at }) => set(id, fingerprint, created_at);

/**
 * Remember that the user dismissed a toast, and that the server does not know it yet.
 *
 * @param {Toast} toast
 */
export const markDismissed = ({ id, created_at }) => set(id, PENDING, created_at);

/**
 * Remember that the server knows of a dismissal. Until the toast is inactive, older events may still arrive.
 *
 * @param {string} id
 */
export function markAcknowledged(id) {
  if (markOf(id) === PENDING) set(id, ACKNOWLEDGED);
  else drop(id);
}

/**
 * Return whether a toast has left the screen already, as it is now. Forget another one that had its id.
 *
 * @param {Toast} toast
 * @returns {boolean}
 */
export function isHidden({ id, fingerprint, created_at }) {
  if (!get(id).endsWith(created_at)) drop(id);
  return isPending(id) || [ACKNOWLEDGED, `${fingerprint}`].includes(markOf(id));
}

/** @returns {string[]} ids of dismissed toasts that the server does not know of yet */
export const pendingDismissals = () => entries().filter(isPending);

/**
 * Forget toasts that are no longer active, but keep dismissals that the server does not know of yet.
 *
 * @param {(string | number)[]} ids
 */
export function forgetInactive(ids) {
  for (const id of ids.map(String)) {
    if (isPending(id)) set(id, PENDING_INACTIVE);
    else drop(id);
  }
}

/**
 * Forget all but the active toasts. A dismissal that the server took, but did not carry out, is pending again.
 *
 * @param {string[]} activeIds
 */
export function keepActive(activeIds) {
  forgetInactive(entries().filter((id) => !activeIds.includes(id)));
  for (const id of activeIds) if (markOf(id) === ACKNOWLEDGED) set(id, PENDING);
}
