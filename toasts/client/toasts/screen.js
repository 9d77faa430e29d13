/** All that is seen and heard of the toasts: the region, its stack, its voice, its keys. */

import { announce } from "./announcer.js";
import { keepOnTop } from "./dialog.js";
import { enableKeyboard } from "./keyboard.js";
import { whenSeen } from "./presence.js";
import { listeners } from "./store.js";
import { enableSwipe } from "./swipe.js";
import { enableView, region, render, renderSoon } from "./view.js";

/** What a page's own script may count on at once. */
export function openScreen() {
  // There from the start, so that screen readers know it before its first toast.
  document.documentElement.append(region);
  listeners.add(renderSoon);
  listeners.add(announce);
  whenSeen(seen);
}

function seen() {
  render();
  announce();
}

/** The rest. */
export function enableScreen() {
  render();
  enableView();
  enableKeyboard();
  enableSwipe();
  keepOnTop();
}
