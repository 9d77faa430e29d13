import { settings } from "./config.js";
/** From the wire to a toast that the rest may trust: known level, text that is text, checked links. */

const text = (value) => `${value ?? ""}`;

/** @returns the toast, with its `id` as a string. */
export function readToast(raw) {
  return {
    ...raw,
    id: `${raw.id}`,
    message: text(raw.message),
    title: text(raw.title),
    level: settings[raw.level] ? raw.level : "info",
    url: safeUrl(raw.url),
    actions: raw.actions?.flatMap?.(readAction) ?? [],
    progress: raw.progress ?? null,
    duration: raw.duration ?? null,
    // Of what a user sees. What another tab has read has one already: links that depend on the page must not
    // tell versions apart.
    _mark: raw._mark || hash(JSON.stringify({ ...raw, created_at: 0, expires_at: 0 })),
  };
}

function readAction(action) {
  const url = safeUrl(action?.url);
  // A link that failed the check must not turn into a button that looks as if it did something.
  return action && (url || !action.url) ? { name: text(action.name), label: text(action.label || action.name), url } : [];
}

/**
 * Which links a toast may carry: the server checks too; a page trusts neither.
 * @returns {string} the absolute address, or "" when the link is not allowed.
 */
export function safeUrl(link) {
  try {
    // What is checked is what is used: URL() drops the control characters that could hide a scheme.
    const { href } = new URL(link, location.href);
    return link && /^(https?|mailto):/.test(href) ? href : "";
  } catch {
    return "";
  }
}

/** 32 bits: they only tell two versions of one toast apart. */
function hash(content) {
  let hash = 0;
  for (const unit of content) hash = (hash * 31 + unit.codePointAt()) | 0;
  return hash;
}
