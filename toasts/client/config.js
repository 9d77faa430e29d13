/** The settings, read once from the data attributes of the client's own script tag. */

const LABELS = {
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

export function findScript(document) {
  return document.currentScript ?? document.querySelector("script[data-toasts]");
}

/**
 * @param {{dataset: Record<string, string>} | null} script `data-heartbeat` is the time between two
 *   pings in seconds, `data-limit` how many toasts are visible at once, `data-position` `top` or
 *   `bottom` with `-start`, `-center` or `-end`, `data-labels` JSON with any of the texts above.
 */
export function readConfig(script) {
  const data = script?.dataset ?? {};
  return {
    streamUrl: data.streamUrl || "/toasts/stream/",
    pollUrl: data.pollUrl || "/toasts/poll/",
    apiUrl: data.apiUrl || "/toasts/api/toasts/",
    csrfCookie: data.csrfCookie ?? "csrftoken", // "": out of a script's reach
    csrfHeader: data.csrfHeader || "X-CSRFToken",
    heartbeat: (Number(data.heartbeat) || 15) * 1000,
    limit: Number(data.limit) || 3,
    hotkey: data.hotkey ?? "F6 alt+KeyT",
    position: data.position || "bottom-end",
    labels: { ...LABELS, ...parse(data.labels) },
  };
}

/** A broken text must not cost the user the toasts: then the defaults stand. */
function parse(json) {
  try {
    return JSON.parse(json ?? "{}");
  } catch {
    return {};
  }
}

/** `label("+{n} more", {n: 3})` is `+3 more`. */
export function label(template, values) {
  return template.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}
