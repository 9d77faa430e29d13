/**
 * Check a link: http, https and mailto are allowed. The server checks, too; a page trusts neither.
 *
 * @param {unknown} link
 * @returns {string} the absolute address, or "" where the link is not allowed
 */
export function safeUrl(link) {
  if (!link) return "";
  try {
    // What is checked is what is used: URL() drops control characters that could hide a scheme.
    const { href, protocol } = new URL(String(link), location.href);
    return ["http:", "https:", "mailto:"].includes(protocol) ? href : "";
  } catch {
    return "";
  }
}
