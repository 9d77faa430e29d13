/** The settings of the page, read once: data attributes of the client's own script tag. */

import { serverSettings } from "../shared/settings.js";

/* global __VERSION__ */
/** @type {string} */
export const VERSION = __VERSION__;

const DEFAULTS = {
  position: "bottom-end",
  limit: "3",
  hotkey: "F6 alt+KeyT",
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

export const settings = { ...DEFAULTS, ...serverSettings() };

/** How many toasts are visible at once. */
export const limit = Number(settings.limit) || Number(DEFAULTS.limit);

/**
 * Fill in a text's placeholder: `fill("{n} new", 3)` is "3 new".
 *
 * @param {string} template
 * @param {string | number} value
 * @returns {string}
 */
export const fill = (template, value) => template.replace(/{\w+}/, () => `${value}`);

/** The name of what this browser remembers of this site: one origin may have several. */
export const NAME = `toasts:${settings.streamUrl}:${VERSION}`;

/** The format of the messages between tabs. A change of it needs another number. */
const TABS_FORMAT = 3;

/**
 * The name of what the tabs share: channel, lock and lease. Tabs whose script has another format keep a
 * connection of their own.
 */
export const TABS_NAME = `${NAME}:${TABS_FORMAT}`;
