/** Joins the rooms: one store, fed by the browser's connection, shown by the view. */

import { createAnnouncer } from "./announcer.js";
import { createBrowser } from "./browser.js";
import { keepOnTop } from "./dialog.js";
import { tellChanges, tellState } from "./events.js";
import { createKeyboard } from "./keyboard.js";
import { safeStorage } from "./memory.js";
import { watchPauses } from "./page.js";
import { createTimers } from "./timers.js";
import { createRegion, createView } from "./view.js";
import { world } from "./world.js";

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
  const dismiss = (id) => store.remove([id], "user");
  const dismissAll = () => store.list().forEach((toast) => dismiss(toast.id));
  const session = safeStorage(() => sessionStorage);
  const region = buildPage({ store, config, dismiss, dismissAll, session, presence });
  window.toasts = publicApi({ store, dismiss, dismissAll, browser });
  browser._start();
  return browser;
}

function buildPage({ store, config, dismiss, dismissAll, session, presence }) {
  const region = createRegion(config);
  const timers = createTimers({ world, onEnd: (id) => store.remove([id], "timeout") });
  const keyboard = createKeyboard(region, dismiss);
  createView({ region, store, timers, keyboard, config, dismiss, dismissAll, presence });
  store.subscribe(createAnnouncer({ output: region.firstChild, labels: config.labels, world, page: document, storage: session }));
  store.subscribe(tellChanges);
  watchPauses(region, timers);
  keepOnTop(region);
  return region;
}

function publicApi({ store, dismiss, dismissAll, browser }) {
  return Object.freeze({
    version: VERSION,
    get state() {
      return browser.state;
    },
    list: store.list,
    dismiss: (id) => dismiss(String(id)),
    dismissAll,
    subscribe(listener) {
      listener(store.list());
      return store.subscribe(() => listener(store.list()));
    },
  });
}
