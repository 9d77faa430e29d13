/** The second bundle's entry: `window.toastFeeds`, for pages with feeds of their own. */

import { openFeed } from "./feed.js";
import { world } from "../shared/world.js";

const surroundings = {
  ...world,
  WebSocket: globalThis.WebSocket,
  base: () => document.baseURI,
  uuid: () => [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
  csrf: () =>
    document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "",
};

window.toastFeeds ??= Object.freeze({
  open(url, options = {}) {
    const feed = openFeed(url, options, surroundings);
    for (const event of ["online", "pageshow"]) addEventListener(event, feed.wake);
    return feed;
  },
});
