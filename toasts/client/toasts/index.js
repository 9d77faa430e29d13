/** The bundle's entry: a classic deferred script, so the page's own script tag is the configuration. */

import { emit, listen } from "../shared/dom.js";
import { installApi } from "./api.js";
import { start, startAgain } from "./browser.js";
import { emitChanges, emitState } from "./events.js";
import { region } from "./region.js";
import { enableScreen, openScreen } from "./screen.js";
import { listeners } from "./store.js";

/** @import { ConnectionState } from "./types.d.ts" */

/**
 * @param {ConnectionState} state
 * @param {boolean} leads
 */
function onState(state, leads) {
  region.dataset.connection = state;
  region.toggleAttribute("data-leader", leads && state === "connected");
  emitState(state);
}

function install() {
  installApi();
  openScreen();
  listeners.add(emitChanges);
  // In tasks of their own: the one that runs deferred scripts often does the page's first layout, too.
  setTimeout(enableScreen);
  setTimeout(start, 0, onState);
  listen(document, "toasts:again", startAgain);
}

// One client per window, however often the script is included or run by a page swap. Run again, it looks
// again: a login without a reload. Not `window.toasts` alone: an element may have that id.
const { toasts } = /** @type {{ toasts?: Partial<Window["toasts"]> }} */ (window);
if (toasts?.promise) emit("again");
else install();
