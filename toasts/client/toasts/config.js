/** The settings, read once from the data attributes of the client's own script tag. */

/* global __VERSION__ */
export const VERSION = __VERSION__;

/** The attributes, texts included: the server writes all of them (toasts/html.py). */
export const settings = document.querySelector("script[data-toasts]").dataset;

/** Milliseconds between two pings. */
export const heartbeat = (settings.heartbeat || 15) * 1000; // without it the clock would race

/** `label("{n} new", 3)` is `3 new`. */
export const label = (template, value) => template.replace(/{\w+}/, () => value);

/**
 * Of what the tabs share. Tabs with another version of this script keep a connection of their own: they may
 * speak otherwise.
 */
export const NAME = `toasts:${settings.streamUrl}:${VERSION}`;
