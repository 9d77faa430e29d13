/** All that is seen and heard of the toasts: the region, its stack, its voice, its keys. */

import { createAnnouncer } from "./announcer.js";
import { keepOnTop } from "./dialog.js";
import { on } from "./dom.js";
import { tellChanges } from "./events.js";
import { createRegion, createView } from "./view.js";

/**
 * @param dismiss called with the ids of toasts that the user closed, or none for all.
 * @param presence here(), subscribe(listener): whether toasts may be shown in this tab.
 * @param storage a safeStorage of this tab.
 * @returns `_region`, and `_mute(on)`, which holds back what comes.
 */
export function createScreen({ config, store, dismiss, presence, storage }) {
  let muted = false;
  const region = createRegion(config);
  const may = () => !muted && presence.here();
  const hear = createAnnouncer({ output: region.firstChild, labels: config.labels, storage, may });
  const render = createView(region, store, config, may, dismiss);
  const look = () => hear(render());
  store.subscribe(hear);
  store.subscribe(tellChanges);
  presence.subscribe(look);
  // Visible beside another program's window: shown, but nobody may be looking.
  on(window, "focus blur", render);
  keepOnTop(region, render);
  return {
    _region: region,
    _mute(on = true) {
      muted = on;
      look();
    },
  };
}
