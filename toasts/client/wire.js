/** From the wire to a toast that the rest may trust: known level, text that is text, checked links. */

import { safeUrl } from "./urls.js";

const LEVELS = ["info", "success", "warning", "error"];

/** What a user sees of a toast: when one of these differs, the toast has changed. */
const CONTENT = ["message", "title", "level", "url", "actions", "progress", "duration", "data"];

/**
 * @returns {object | null} the toast with its `id` as a string, or null when it is none.
 */
export function readToast(raw, base) {
  if (raw?.id == null || raw.id === "") return null;
  const toast = {
    ...raw,
    id: String(raw.id),
    message: text(raw.message),
    title: text(raw.title),
    level: LEVELS.includes(raw.level) ? raw.level : "info",
    url: safeUrl(raw.url, base),
    actions: list(raw.actions).map((action) => readAction(action, base)).filter(Boolean),
    progress: raw.progress === true || number(raw.progress, 100),
    duration: number(raw.duration, Infinity),
  };
  toast.fingerprint = fingerprint(toast);
  return toast;
}

/** An array, or none. */
export function list(value) {
  return Array.isArray(value) ? value : [];
}

function text(value) {
  return value == null ? "" : String(value);
}

function number(value, most) {
  return Number.isFinite(value) && value >= 0 ? Math.min(value, most) : null;
}

function readAction(action, base) {
  const url = safeUrl(action?.url, base);
  // A link that failed the check must not turn into a button that looks as if it did something.
  if (!action || (action.url && !url)) return null;
  return { name: text(action.name), label: text(action.label || action.name), url };
}

/** A 32-bit hash of the visible content: it only tells two versions of one toast apart. */
export function fingerprint(toast) {
  const content = JSON.stringify(CONTENT.map((name) => toast[name] ?? null));
  let hash = 0;
  for (const unit of content) hash = (Math.imul(hash, 31) + unit.codePointAt(0)) | 0;
  return hash;
}
