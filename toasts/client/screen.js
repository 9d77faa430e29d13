/** All that is seen and heard of the toasts: the region, its stack, its voice, its keys. */

import { announce } from "./announcer.js";
import { keepOnTop } from "./dialog.js";
import { enableKeyboard } from "./keyboard.js";
import { whenSeen } from "./presence.js";
import { listeners } from "./store.js";
import { enableSwipe } from "./swipe.js";
import { enableView, render, renderSoon } from "./view.js";

export function showScreen() {
  listeners.add(renderSoon);
  listeners.add(announce);
  whenSeen(() => {
    render();
    announce();
  });
  enableView();
  enableKeyboard();
  enableSwipe();
  keepOnTop();
}
