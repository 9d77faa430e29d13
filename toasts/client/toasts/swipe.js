/** Throws a toast out sideways. Up and down stays the page's, and a drag on the text selects it. */

import { on } from "../shared/dom.js";
import { close, list } from "./view.js";

/** Pixels: up to that it may be a click; so far it is thrown. */
const SLACK = 6;
const FAR = 100;
/** Milliseconds that a throw would go on by itself. */
const THROW = 250;

let card; // that is held
let start;
let swiping;

const moveTo = (x) => card.style.setProperty("--x", `${x}px`);

/** A finger that goes up or down scrolls, says `touch-action`, and the browser cancels its pointer. */
function drag(x, event) {
  if (swiping) moveTo(x);
  else if (Math.abs(x) - Math.abs(event.clientY - start.clientY) > SLACK) {
    swiping = true;
    card.style.transition = "none";
    card.setPointerCapture(event.pointerId); // and so no click comes of it
  }
}

function drop(x, event) {
  const gone = event.type === "pointerup" && Math.abs(x) * (1 + THROW / (event.timeStamp - start.timeStamp)) > FAR;
  card.style.transition = "";
  moveTo(gone ? Math.sign(x) * innerWidth : 0);
  if (gone) close(card);
}

export function enableSwipe() {
  on(list, "pointerdown pointermove pointerup pointercancel", (event) => {
    const { type } = event;
    const x = event.clientX - start?.clientX;
    if (!event.isPrimary) return;
    if (type === "pointerdown") {
      const own = event.pointerType === "mouse" ? "button,span,strong" : "button";
      card = event.button || event.target.closest(own) ? null : event.target.closest("[data-toast-id]");
      start = event;
      swiping = null;
    } else if (card && type === "pointermove") drag(x, event);
    else {
      if (swiping) drop(x, event);
      card = swiping = null;
    }
  });
}
