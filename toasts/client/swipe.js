/** Throws a toast out sideways. Up and down stays the page's, and a drag on the text selects it. */

import { on } from "./dom.js";
import { close, list } from "./view.js";

/** Pixels: up to that it may be a click; so far it is thrown. */
const SLACK = 6;
const FAR = 100;
/** Milliseconds that a throw would go on by itself. */
const THROW = 250;

let card; // that is held
let start;

function hold({ target, pointerType, button }) {
  const text = pointerType === "mouse" ? ",[data-toast-title],[data-toast-message]" : "";
  card = button || target.closest(`button${text}`) ? null : target.closest("[data-toast-id]");
}

function drag(x, y, event) {
  const lead = Math.abs(x) - Math.abs(y); // of the horizontal
  if ("swiping" in card.dataset) moveTo(x);
  else if (lead < -SLACK) card = null;
  else if (lead > SLACK) {
    card.dataset.swiping = "";
    card.setPointerCapture(event.pointerId); // and so no click comes of it
  }
}

function drop(x, { type, timeStamp }) {
  const gone = type === "pointerup" && Math.abs(x) * (1 + THROW / (timeStamp - start.timeStamp)) > FAR;
  if ("swiping" in card.dataset) {
    delete card.dataset.swiping;
    moveTo(gone ? Math.sign(x) * innerWidth : 0);
    if (gone) close(card);
  }
  card = null;
}

const moveTo = (x) => card.style.setProperty("--x", `${x}px`);

export function enableSwipe() {
  on(list, "pointerdown pointermove pointerup pointercancel", (event) => {
    if (!event.isPrimary) return;
    const x = event.clientX - start?.clientX;
    if (event.type === "pointerdown") hold((start = event));
    else if (!card) return;
    else if (event.type === "pointermove") drag(x, event.clientY - start.clientY, event);
    else drop(x, event);
  });
}
