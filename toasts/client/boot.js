/** Joins the rooms: one store, fed by the connection, shown by the view, told to the server by acks. */

import { createAcks } from "./ack.js";
import { createApi } from "./api.js";
import { createConnection } from "./connection.js";
import { createCsrf } from "./csrf.js";
import { tellState } from "./events.js";
import { createInbox } from "./inbox.js";
import { createHidden, safeStorage } from "./memory.js";
import { watchPage } from "./page.js";
import { createPoll } from "./poller.js";
import { createPresence } from "./presence.js";
import { createScreen } from "./screen.js";
import { createStore } from "./store.js";
import { soloTab } from "./tabs.js";
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
  const dismiss = (ids = store.list().map(({ id }) => id)) => {
    // First: a snapshot that arrives meanwhile must not bring it back.
    for (const id of ids) if (store.get(id) && !store.get(id).local) acks.add(id);
    store.remove(ids, "user");
  };
  const screen = createScreen({ config, store, dismiss, presence: createPresence(), storage: session, world });
  const connection = connect({ region: screen._region, store, config, acks });
  watchPage({ store, connection, acks, hidden });
  acks.wake();
  window.toasts = createApi({ store, dismiss, mute: screen._mute, connection, version: VERSION });
  return connection;
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
