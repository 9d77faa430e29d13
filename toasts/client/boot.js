/** Joins the rooms: one store, fed by the browser's connection, shown by the screen. */

import { createApi } from "./api.js";
import { createBrowser } from "./browser.js";
import { tellState } from "./events.js";
import { safeStorage } from "./memory.js";
import { createScreen } from "./screen.js";

/* global __VERSION__ */
export const VERSION = typeof __VERSION__ === "string" ? __VERSION__ : "dev";

/** One client per window, however often the script is included or run again by a page swap. */
const INSTALLED = Symbol.for("django-live-toasts");

/** Starts the client, or gives the one that runs a chance to look again (a login without a reload). */
export function boot(config) {
  if (window[INSTALLED]) window[INSTALLED]._again();
  else window[INSTALLED] = install(config);
}

function install(config) {
  let before = "connecting";
  // Tabs with another version of this script keep a connection of their own: they may speak otherwise.
  const browser = createBrowser(config, `toasts:${config.streamUrl}:${VERSION}`, (state, leads) => {
    region.dataset.connection = state;
    region.toggleAttribute("data-leader", leads && state === "connected");
    tellState(state, before);
    before = state;
  });
  const { store, presence } = browser;
  const dismiss = (ids = store.list().map(({ id }) => id)) => store.remove(ids, "user");
  const session = safeStorage(() => sessionStorage);
  const { _region: region, _mute: mute } = createScreen({ config, store, dismiss, presence, storage: session });
  window.toasts = createApi({ store, dismiss, mute, connection: browser, version: VERSION });
  browser._start();
  return browser;
}
