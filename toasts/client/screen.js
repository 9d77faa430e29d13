/** All that is seen and heard of the toasts: the region, its stack, its voice, its keys. */

import { announce } from "./announcer.js";
import { keepOnTop } from "./dialog.js";
import { on } from "./dom.js";
import { enableKeyboard } from "./keyboard.js";
import { look, whenSeen } from "./presence.js";
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
  // Visible beside another program's window: shown, but nobody may be looking, and so no time passes.
  on(window, "focus blur", render);
  on(window, "focus blur", () => look());
  on(document, "visibilitychange", () => look());
  enableView();
  enableKeyboard();
  enableSwipe();
  keepOnTop();
}
