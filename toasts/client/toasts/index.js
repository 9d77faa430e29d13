/** The bundle's entry: a classic deferred script, so the page's own script tag is the configuration. */

import { installApi } from "./api.js";
import { start, startAgain } from "./browser.js";
import { on, tell } from "../shared/dom.js";
import { tellChanges, tellState } from "./events.js";
import { enableScreen, openScreen } from "./screen.js";
import { listeners } from "./store.js";
import { region } from "./view.js";

function install() {
  installApi();
  openScreen();
  listeners.add(tellChanges);
  // In tasks of their own: the one that runs deferred scripts often does the page's first layout, too.
  setTimeout(enableScreen);
  setTimeout(start, 0, (state, leads) => {
    region.dataset.connection = state;
    region.toggleAttribute("data-leader", leads && state === "connected");
    tellState(state);
  });
  on(document, "toasts:again", startAgain);
}

// One client per window, however often the script is included or run by a page swap. Run again, it looks again:
// a login without a reload. Not `window.toasts` alone: an element may have that id.
if (window.toasts?.promise) tell("again");
else install();
