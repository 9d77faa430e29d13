/** From the wire to a toast that the rest may trust: known level, text that is text, checked links. */

import { safeUrl } from "./urls.js";

const LEVELS = ["info", "success", "warning", "error"];

/**
 * @returns {object | null} the toast with its `id` as a string, or null when it is none.
 */
export function readToast(raw, base) {
  if ((raw?.id ?? "") === "") return null;
  // When the rest differs, a user sees that the toast has changed.
  const { read, created_at, expires_at, fingerprint, ...seen } = raw;
  return {
    ...raw,
    id: `${raw.id}`,
    message: text(raw.message),
    title: text(raw.title),
    level: LEVELS.includes(raw.level) ? raw.level : "info",
    url: safeUrl(raw.url, base),
    actions: (Array.isArray(raw.actions) ? raw.actions : []).map((action) => readAction(action, base)).filter(Boolean),
    progress: raw.progress ?? null,
    duration: raw.duration ?? null,
    fingerprint: hash(JSON.stringify(seen)),
  };
}

const text = (value) => `${value ?? ""}`;

function readAction(action, base) {
  const url = safeUrl(action?.url, base);
  // A link that failed the check must not turn into a button that looks as if it did something.
  return action && (url || !action.url) && { name: text(action.name), label: text(action.label || action.name), url };
}

/** 32 bits: they only tell two versions of one toast apart. */
function hash(content) {
  let hash = 0;
  for (const unit of content) hash = (Math.imul(hash, 31) + unit.codePointAt(0)) | 0;
  return hash;
}
