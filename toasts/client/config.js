/** The settings, read once from the data attributes of the client's own script tag. */

/* global __VERSION__ */
export const VERSION = __VERSION__;

const data = document.querySelector("script[data-toasts]")?.dataset ?? {};

export const {
  streamUrl = "/toasts/stream/",
  pollUrl = "/toasts/poll/",
  apiUrl = "/toasts/api/toasts/",
  csrfCookie = "csrftoken", // "": out of a script's reach
  csrfHeader = "X-CSRFToken",
  hotkey = "F6 alt+KeyT",
  position = "bottom-end",
} = data;

/** Milliseconds between two pings. */
export const heartbeat = (+data.heartbeat || 15) * 1000;
/** How many toasts are visible at once. */
export const limit = +data.limit || 3;

export const labels = {
  region: "Notifications",
  dismiss: "Dismiss: {text}",
  more: "+{n} more",
  less: "Show fewer",
  clear: "Dismiss all",
  summary: "{n} new notifications",
  hint: "Press F6 to reach the notifications.",
  info: "Info",
  success: "Success",
  warning: "Warning",
  error: "Error",
};
try {
  // Mostly there are none, and to throw takes longer than all the rest of this file.
  Object.assign(labels, JSON.parse(data.labels ?? "{}"));
} catch {
  // A broken text must not cost the user the toasts: then the defaults stand.
}

/** `label("+{n} more", 3)` is `+3 more`. */
export const label = (template, value) => template.replace(/{\w+}/, () => value);

/**
 * Of what the tabs share. Tabs with another version of this script keep a connection of their own: they may
 * speak otherwise.
 */
export const NAME = `toasts:${streamUrl}:${VERSION}`;
