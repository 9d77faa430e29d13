/** Which links a toast may carry. The server checks too; a page trusts neither. */

const SCHEMES = ["http:", "https:", "mailto:"];

/**
 * @param {string} base the page's address, against which relative links are read.
 * @returns {string} the absolute address, or "" when the link is not allowed.
 */
export function safeUrl(href, base) {
  if (!href || typeof href !== "string") return "";
  try {
    // What is checked is what is used: URL() drops the control characters that could hide a scheme.
    const url = new URL(href, base);
    return SCHEMES.includes(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}
