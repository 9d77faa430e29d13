/** Everything that shows or announces toasts. */

import { announce } from "./announcer.js";
import { keepOnTop } from "./dialog.js";
import { enableKeyboard } from "./keyboard.js";
import { onPresenceChange } from "./presence.js";
import { region } from "./region.js";
import { render, renderSoon } from "./stack.js";
import { listeners } from "./store.js";
import { enableSwipe } from "./swipe.js";
import { enableView } from "./view.js";

/** Prepare what a page's own script may count on at once. */
export function openScreen() {
  // There from the start, so that screen readers know it before its first toast.
  document.documentElement.append(region);
  listeners.add(renderSoon);
  listeners.add(announce);
  onPresenceChange(() => {
    render();
    announce();
  });
}

/** Prepare the rest. */
export function enableScreen() {
  render();
  enableView();
  enableKeyboard();
  enableSwipe();
  keepOnTop();
}
