/** Throws a toast out sideways. Up and down stays the page's, and a drag on the text selects it. */

import { on } from "./dom.js";
import { close, list } from "./view.js";

/** Pixels: up to that it may be a click; so far it is thrown. */
const SLACK = 6;
const FAR = 100;
const SWIPING = "data-swiping";
/** Milliseconds that a throw would go on by itself. */
const THROW = 250;

let card; // that is held
let start;

const moveTo = (x) => card.style.setProperty("--x", `${x}px`);

/** A finger that goes up or down scrolls, says `touch-action`, and the browser cancels its pointer. */
function drag(x, { clientY, pointerId }) {
  if (card.hasAttribute(SWIPING)) moveTo(x);
  else if (Math.abs(x) - Math.abs(clientY - start.clientY) > SLACK) {
    card.setAttribute(SWIPING, "");
    card.setPointerCapture(pointerId); // and so no click comes of it
  }
}

function drop(x, { type, timeStamp }) {
  const gone = type === "pointerup" && Math.abs(x) * (1 + THROW / (timeStamp - start.timeStamp)) > FAR;
  if (!card.hasAttribute(SWIPING)) return;
  card.removeAttribute(SWIPING);
  moveTo(gone ? Math.sign(x) * innerWidth : 0);
  if (gone) close(card);
}

export function enableSwipe() {
  on(list, "pointerdown pointermove pointerup pointercancel", (event) => {
    const { target, type, pointerType, button, clientX } = event;
    const x = clientX - start?.clientX;
    if (!event.isPrimary) return;
    if (type === "pointerdown") {
      const text = pointerType === "mouse" ? ",[data-toast-title],[data-toast-message]" : "";
      card = button || target.closest(`button${text}`) ? null : target.closest("[data-toast-id]");
      start = event;
    } else if (card && type === "pointermove") drag(x, event);
    else if (card) {
      drop(x, event);
      card = null;
    }
  });
}
