/**
 * The server's addresses and names, from the data attributes of a script tag. `toasts/html.py` writes all
 * of them; a tag written by hand may leave any of them out.
 */

/**
 * @typedef {object} ServerSettings
 * @property {string} streamUrl
 * @property {string} pollUrl
 * @property {string} apiUrl
 * @property {string} csrfCookie Empty where scripts cannot read the cookie.
 * @property {string} csrfHeader
 * @property {string} heartbeat Seconds between two pings of a stream.
 */

/** @type {ServerSettings} */
const DEFAULTS = {
  streamUrl: "/toasts/stream/",
  pollUrl: "/toasts/poll/",
  apiUrl: "/toasts/api/toasts/",
  csrfCookie: "csrftoken",
  csrfHeader: "X-CSRFToken",
  // The longest that TOASTS_HEARTBEAT allows: a healthy stream must not count as dead.
  heartbeat: "55",
};

// Known only while the bundle itself runs.
const ownTag = document.currentScript;

/** @type {HTMLElement | null} */
let toastsTag = null; // the last one found: a page swap may remove it

/**
 * Read the settings again, because a script may run before the tag of toasts.js is in the page. That tag
 * wins over the one of the running script.
 *
 * @returns {ServerSettings & Record<string, string | undefined>}
 */
export function serverSettings() {
  toastsTag = document.querySelector("script[data-toasts]") ?? toastsTag;
  return { ...DEFAULTS, ...ownTag?.dataset, ...toastsTag?.dataset };
}

/**
 * Return the time between two pings.
 *
 * @returns {number} milliseconds
 */
export function heartbeat() {
  return (Number(serverSettings().heartbeat) || Number(DEFAULTS.heartbeat)) * 1_000;
}
