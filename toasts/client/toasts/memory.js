/**
 * What the tabs know of toasts beyond what is active: which were hidden by their time, which the user
 * dismissed. One entry in localStorage for each, so that tabs do not overwrite each other's, by user.
 */

import { NAME } from "./config.js";

/**
 * Values beside the mark of a hidden toast: the server is to be told; the same, and it is no longer active; the
 * server has been told.
 */
const PENDING = "!";
const GONE = "!!";
const TOLD = ".";

export let storage = {};
/** To be called before the first use: it may take a few milliseconds. */
export function openStorage() {
  try {
    storage = localStorage ?? {};
  } catch {
    // Merely to read it can throw.
  }
}

let prefix; // of nobody: of no key

/** Into a full one nothing goes: from then on this page has a copy, which is forgotten with it. */
export function keep(key, value) {
  try {
    storage[key] = value;
  } catch {
    storage = { ...storage, [key]: value };
  }
}

const get = (id) => storage[prefix + id];
const set = (id, value) => keep(prefix + id, value);
const drop = (id) => delete storage[prefix + id];
const entries = () => Object.keys(storage).map((key) => key.split(prefix)[1]).filter(Boolean);

/** From now on it is this one's. */
export const rememberFor = (who) => (prefix = `${NAME}:${who}:`);

/** It left the screen, by its user or else by its time. */
export const remember = ({ id, _mark }, dismissed) => set(id, dismissed ? PENDING : `${_mark}`);

const waits = (id) => /^!/.test(get(id));

/** Whether it left the screen already, as it is now. */
export const hides = ({ id, _mark }) => waits(id) || [TOLD, `${_mark}`].includes(get(id));

export const pending = () => entries().filter(waits);

/** The server knows of its dismissal. Until it is no longer active, events from before may still arrive. */
export const told = (id) => (get(id) === PENDING ? set(id, TOLD) : drop(id));

/** These are no longer active. */
export const forget = (ids) => ids.forEach((id) => (waits(id) ? set(id, GONE) : drop(id)));

/** These are all that is active: what was told but is still there was not heard. */
export function prune(ids) {
  forget(entries().filter((id) => !ids.includes(id)));
  for (const id of ids) if (get(id) === TOLD) set(id, PENDING);
}
