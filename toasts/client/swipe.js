/** Throws a toast out sideways. Up and down stays the page's, and a drag on the text selects it. */

import { on } from "./dom.js";

/** Pixels: before that it may be a click; from here it counts even when slow, or from there when fast. */
const SLACK = 6;
const FAR = 90;
const NEAR = 20;
/** Pixels per millisecond. */
const FAST = 0.3;

export function enableSwipe(list, dismiss) {
  let node;
  let id; // of the pointer that holds it
  let locked; // on the horizontal
  let start;

  const move = (x) => node.style.setProperty("--x", `${x}px`);

  on(list, "pointerdown", (event) => {
    const { target, pointerType, button, isPrimary } = event;
    const text = pointerType === "mouse" && target.closest("[data-toast-title],[data-toast-message]");
    if (button || !isPrimary || text || target.closest("button,[data-toast-action]")) return;
    node = target.closest("[data-toast-id]");
    locked = false;
    start = event;
  });
  on(list, "pointermove", (event) => {
    if (!node || event.pointerId !== start.pointerId) return;
    const x = event.clientX - start.clientX;
    if (!locked) {
      const y = event.clientY - start.clientY;
      if (Math.hypot(x, y) < SLACK) return;
      if (Math.abs(y) > Math.abs(x)) return (node = null);
      locked = true;
      node.setPointerCapture(event.pointerId); // and so no click comes of it
      node.dataset.swiping = "";
    }
    move(x);
  });
  on(list, "pointerup pointercancel", (event) => {
    if (locked && node) {
      const x = event.clientX - start.clientX;
      const far = Math.abs(x);
      delete node.dataset.swiping;
      const gone = event.type === "pointerup" && (far > FAR || (far > NEAR && far / (event.timeStamp - start.timeStamp) > FAST));
      move(gone ? Math.sign(x) * innerWidth : 0);
      if (gone) dismiss(node);
    }
    node = null;
  });
}
