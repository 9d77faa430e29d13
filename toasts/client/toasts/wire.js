/** From the wire to a toast that the rest may trust: known level, text that is text, checked links. */

import { safeUrl } from "../shared/links.js";

/** @import { Action, Level, RawToast, Toast } from "./types.d.ts" */

/** @type {readonly string[]} */
const LEVELS = ["info", "success", "warning", "error"];

/** @param {unknown} value */
const text = (value) => `${value ?? ""}`;

/**
 * Read a toast.
 *
 * @param {RawToast} raw
 * @returns {Toast}
 */
export function readToast(raw) {
  return {
    ...raw,
    id: `${raw.id}`,
    message: text(raw.message),
    title: text(raw.title),
    level: /** @type {Level} */ (LEVELS.includes(raw.level) ? raw.level : "info"),
    url: safeUrl(raw.url),
    actions: Array.isArray(raw.actions) ? raw.actions.flatMap(readAction) : [],
    progress: raw.progress ?? null,
    duration: raw.duration ?? null,
    created_at: raw.created_at,
    // One that another tab has read brings its own: links that depend on the page must not make another version.
    fingerprint: raw.fingerprint || fingerprintOf(raw),
  };
}

/**
 * @param {any} action
 * @returns {Action[]} none where it cannot be shown
 */
function readAction(action) {
  const url = safeUrl(action?.url);
  // A link that failed the check must not turn into a button that looks as if it did something.
  if (!action || (action.url && !url)) return [];
  return [{ name: text(action.name), label: text(action.label || action.name), url }];
}

/**
 * Hash what a user sees. 32 bits are enough: they only distinguish two versions of one toast.
 *
 * @param {RawToast} raw
 */
function fingerprintOf(raw) {
  let hash = 0;
  for (const character of JSON.stringify({ ...raw, created_at: 0, expires_at: 0 })) {
    hash = (hash * 31 + Number(character.codePointAt(0))) | 0;
  }
  return hash;
}
