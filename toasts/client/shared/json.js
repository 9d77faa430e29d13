/**
 * Parse JSON.
 *
 * @param {string} text
 * @returns {any} null for a broken one: it must not end what reads it
 */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
