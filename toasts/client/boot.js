/** Joins the rooms: one store, fed by the connection, shown by the view, told to the server by acks. */

import { createAcks } from "./ack.js";
import { createAnnouncer } from "./announcer.js";
import { createConnection } from "./connection.js";
import { createCsrf } from "./csrf.js";
import { keepOnTop } from "./dialog.js";
import { tellChanges, tellState } from "./events.js";
import { createInbox } from "./inbox.js";
import { createKeyboard } from "./keyboard.js";
import { createHidden, safeStorage } from "./memory.js";
import { watchPage, watchPauses } from "./page.js";
import { createPoll } from "./poller.js";
import { createPresence } from "./presence.js";
import { createStore } from "./store.js";
import { soloTab } from "./tabs.js";
import { createTimers } from "./timers.js";
import { createRegion, createView } from "./view.js";
import { world } from "./world.js";

/* global __VERSION__ */
export const VERSION = typeof __VERSION__ === "string" ? __VERSION__ : "dev";

/** One client per window, however often the script is included or run again by a page swap. */
const INSTALLED = Symbol.for("django-live-toasts");

/** Starts the client, or gives the one that runs a chance to look again (a login without a reload). */
export function boot(config) {
  if (window[INSTALLED]) window[INSTALLED].again?.();
  else window[INSTALLED] = install(config);
}

function install(config) {
  const session = safeStorage(() => sessionStorage);
  const acks = createAcks({
    url: config.apiUrl,
    headers: createCsrf({ config, page: document, world }),
    storage: safeStorage(() => localStorage),
    world,
  });
  const hidden = createHidden(session);
  const store = createStore({ hidden, pending: acks });
  const dismiss = (id) => {
    if (!store.get(id)) return;
    acks.add(id); // first: a snapshot that arrives meanwhile must not bring it back
    store.remove([id], "user");
  };
  const dismissAll = () => store.list().forEach((toast) => dismiss(toast.id));
  const region = buildPage({ store, config, dismiss, dismissAll, session });
  const connection = connect({ region, store, config, acks });
  watchPage({ store, connection, acks, hidden });
  acks.wake();
  window.toasts = publicApi({ store, dismiss, dismissAll, connection });
  return connection;
}

function buildPage({ store, config, dismiss, dismissAll, session }) {
  const region = createRegion(config);
  const timers = createTimers({ world, onEnd: (id) => store.remove([id], "timeout") });
  const keyboard = createKeyboard(region, dismiss);
  createView({ region, store, timers, keyboard, config, dismiss, dismissAll, presence: createPresence() });
  store.subscribe(createAnnouncer({ output: region.firstChild, labels: config.labels, world, page: document, storage: session }));
  store.subscribe(tellChanges);
  watchPauses(region, timers);
  keepOnTop(region);
  return region;
}

function connect({ region, store, config, acks }) {
  const connection = createConnection({
    streamUrl: config.streamUrl,
    poll: createPoll({ url: config.pollUrl, world }),
    heartbeat: config.heartbeat,
    world,
    inbox: createInbox({ store, world, base: () => location.href }),
    onState(state, previous) {
      region.dataset.connection = state;
      region.toggleAttribute("data-leader", state === "connected");
      if (state === "connected") acks.wake();
      tellState(state, previous);
    },
  });
  soloTab().join({ lead: connection.start });
  return connection;
}

function publicApi({ store, dismiss, dismissAll, connection }) {
  return Object.freeze({
    version: VERSION,
    get state() {
      return connection.state;
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
