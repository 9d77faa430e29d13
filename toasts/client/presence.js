/**
 * Whether the user looks at this tab, as far as any tab can know: toasts pop here only.
 *
 * A hidden tab never does. A visible one without the focus does only while no other tab of this browser
 * has it (it may lie beside another program's window).
 */

import { on } from "./dom.js";

/**
 * @param tell (message) => tells the other tabs, who give it to their hear().
 * @returns here(): whether toasts may be shown now; subscribe(listener): called when that changes.
 */
export function createPresence(tell = () => {}) {
  const me = Math.random();
  const listeners = [];
  let elsewhere = null; // the tab that has the focus
  let was = false;

  const here = () => !document.hidden && (document.hasFocus() || !elsewhere);

  function look() {
    if (was === (was = here())) return;
    for (const listener of listeners) listener();
  }

  function say(on = document.hasFocus()) {
    tell({ focus: me, on });
    look();
  }

  was = here();
  on(window, "focus blur", () => say());
  on(document, "visibilitychange", () => say());

  return {
    here,
    subscribe: (listener) => listeners.push(listener),
    /** Tells the others whether this tab has the focus. */
    say,
    hear({ focus, on }) {
      if (on) elsewhere = focus;
      else if (elsewhere === focus) elsewhere = null;
      look();
    },
  };
}
