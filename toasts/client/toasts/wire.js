/** From the wire to a toast that the rest may trust: every field is of its kind, links are checked. */

import { safeUrl } from "../shared/links.js";

/** @import { Action, Level, RawToast, Toast } from "./types.d.ts" */

/** @type {readonly string[]} */
const LEVELS = ["info", "success", "warning", "error"];

/** The key of a toast as it was sent: other tabs get that, without what this page has changed. */
export const SENT = Symbol("sent");

/**
 * @param {unknown} value
 * @returns {string} "" where it is none, or an object that fails to become one
 */
function text(value) {
  try {
    return String(value ?? "");
  } catch {
    return "";
  }
}

/**
 * @param {unknown} value
 * @param {number} [most]
 * @returns {number | null} null where it is no number, or below 0
 */
const amount = (value, most = Infinity) =>
  typeof value === "number" && value >= 0 ? Math.min(value, most) : null;

/**
 * @param {string} value
 * @returns {string} now where it is no time
 */
const time = (value) => (Date.parse(value) ? value : new Date().toJSON());

/**
 * Read a toast.
 *
 * @param {RawToast} raw
 * @returns {Toast}
 */
export function readToast(raw) {
  return {
    [SENT]: raw,
    ...raw,
    id: text(raw.id),
    message: text(raw.message),
    title: text(raw.title),
    key: text(raw.key),
    level: /** @type {Level} */ (LEVELS.includes(raw.level) ? raw.level : "info"),
    url: safeUrl(raw.url),
    actions: Array.isArray(raw.actions) ? raw.actions.flatMap(readAction) : [],
    progress: raw.progress === true || amount(raw.progress, 100),
    duration: amount(raw.duration),
    created_at: time(text(raw.created_at)),
    fingerprint: fingerprintOf(raw),
  };
}

/**
 * Read what has an id: the rest is no toast.
 *
 * @param {RawToast[]} raws
 */
export const readToasts = (raws) => raws.filter((raw) => raw?.id).map(readToast);

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
 * Hash what a user sees, as it was sent: links that depend on the page must not make another version. 32 bits
 * are enough: they only distinguish two versions of one toast.
 *
 * @param {RawToast} raw
 */
function fingerprintOf(raw) {
  let hash = 0;
  for (const character of json({ ...raw, created_at: 0, expires_at: 0, fingerprint: 0 })) {
    hash = (hash * 31 + /** @type {number} */ (character.codePointAt(0))) | 0;
  }
  return hash;
}

/**
 * @param {object} raw
 * @returns {string} its texts where a field, such as `data` of a page's own toast, has no JSON
 */
function json(raw) {
  try {
    return JSON.stringify(raw);
  } catch {
    return `${Object.values(raw).map(text)}`;
  }
}
