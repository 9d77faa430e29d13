/**
 * The texts of the bell and the inbox are written in English where they are used. The `data-labels` of the
 * element, or of one around it, translates them: JSON, `{"Mark all as read": "Alles gelesen"}`.
 */

import { parseJson } from "../shared/json.js";

/** @typedef {(text: string) => string} Translate from the English text to the one to show */

/**
 * Read an element's labels.
 *
 * @param {HTMLElement} host
 * @returns {Translate}
 */
export function translator(host) {
  /** @type {HTMLElement | null} */
  const labelled = host.closest("[data-labels]");
  const labels = parseJson(labelled?.dataset.labels ?? "{}") ?? {};
  return (text) => (Object.hasOwn(labels, text) ? labels[text] : text);
}
