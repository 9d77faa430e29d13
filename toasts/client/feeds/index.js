/** The bundle's entry: `window.toastFeeds`, for pages with feeds of their own. */

import { listen } from "../shared/dom.js";
import { Feed } from "./feed.js";

/** @import { FeedOptions } from "./feed.js" */

/**
 * Open a feed.
 *
 * @param {string} url
 * @param {FeedOptions} [options]
 * @returns {Feed}
 */
function open(url, options = {}) {
  const feed = new Feed(url, options);
  listen(window, "online pageshow", () => feed.wake());
  listen(window, "focus", () => feed.look());
  listen(document, "visibilitychange resume", () => feed.look());
  return feed;
}

if (!("toastFeeds" in window)) Object.assign(window, { toastFeeds: Object.freeze({ open }) });
