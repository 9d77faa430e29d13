/** Throws a toast out sideways. Up and down stays the page's, and a drag on the text selects it. */

import { on } from "./dom.js";

/** Pixels: up to that it may be a click; from there it counts when fast, or from there even when slow. */
const SLACK = 6;
const NEAR = 20;
const FAR = 90;
/** Pixels per millisecond. */
const FAST = 0.3;

export function enableSwipe(list, close) {
  let card; // that is held
  let start;

  on(list, "pointerdown pointermove pointerup pointercancel", (event) => {
    const { type, target, pointerType } = event;
    if (!event.isPrimary) return;
    if (type === "pointerdown") {
      const text = pointerType === "mouse" ? ",[data-toast-title],[data-toast-message]" : "";
      card = event.button || target.closest(`button${text}`) ? null : target.closest("[data-toast-id]");
      start = event;
    } else if (card) {
      const x = event.clientX - start.clientX;
      const far = Math.abs(x);
      const lead = far - Math.abs(event.clientY - start.clientY); // of the horizontal
      const { swiping } = card.dataset;
      const move = (to) => card.style.setProperty("--x", `${to}px`);
      if (type === "pointermove") {
        if (swiping) move(x);
        else if (lead < -SLACK) card = null;
        else if (lead > SLACK) {
          card.dataset.swiping = 1;
          card.setPointerCapture(event.pointerId); // and so no click comes of it
        }
      } else if (swiping) {
        const gone = type === "pointerup" && (far > FAR || (far > NEAR && far / (event.timeStamp - start.timeStamp) > FAST));
        delete card.dataset.swiping;
        move(gone ? Math.sign(x) * innerWidth : 0);
        if (gone) close(card);
        card = null;
      } else card = null;
    }
  });
}
