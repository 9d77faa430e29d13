/** The region and its stack. Sets attributes and a few numbers; the stylesheet does the motion. */

import { voice } from "./announcer.js";
import { leave } from "./browser.js";
import { createCard } from "./card.js";
import { settings } from "./config.js";
import { element, on, tell } from "../shared/dom.js";
import { noteOrigin, release } from "./keyboard.js";
import { here } from "./presence.js";
import { list as toasts } from "./store.js";
import { countdown } from "./timers.js";

/** Elements at most, however many toasts there are. */
const MOST = 20;
/** Milliseconds for the way out: by the clock, because a hidden tab plays no animations. */
const LEAVE = 300;
const FRAME = 16;

export const list = element("div", { role: "list" });
/** The one region. */
export const region = element(
  "section",
  { "data-toasts-region": "", "data-connection": "connecting", "data-position": settings.position },
  voice,
  list,
);

let cards = []; // newest first
let pointer = false; // is on the toasts
let timer; // until what is new is shown

const observer = new ResizeObserver(layout);

export const close = (card) => leave(card._ids, "user");

/** To be called when what is shown, whether it may be, or who has the focus, may have changed. */
export function render() {
  timer = null;
  // Several with one key are one card: the newest, with their number.
  const groups = Map.groupBy(toasts(), ({ key, id }) => (key ? ` ${key}` : id));
  const before = cards;
  cards = [];
  for (const [key, group] of [...groups].slice(0, MOST)) {
    const card = before.find(({ _key }) => _key === key);
    // Nothing pops up where nobody looks.
    if (card || here()) show(card ?? createCard(), key, group);
  }
  for (const card of before) if (!cards.includes(card)) drop(card, groups.has(card._key));
  // A finger gives no sign when the last toast goes; the next must not stay for it.
  pointer &&= !!cards[0];
  region.ariaLabel = settings.region + (groups.size ? ` (${groups.size})` : "");
  layout();
  refresh();
}

function drop(card, crowded) {
  const away = () => card.remove();
  card._timer?.cancel();
  // Nobody sees it, or too many are newer.
  if (card.inert || crowded) return away();
  put(card, "leaving");
  setTimeout(away, LEAVE);
}

function show(card, key, group) {
  const [toast] = group;
  const previous = cards.at(-1);
  const version = `${group.length} ${toast._mark}`;
  if (card._version !== version) {
    card._key = key;
    card._version = version;
    card._ids = group.map(({ id }) => id);
    if (card.dataset.toastId !== toast.id && !card.contains(document.activeElement)) {
      // New, or again: it comes in, and one that is still leaving goes.
      for (const old of list.children) if (old.dataset.toastId === toast.id) old.remove();
      if (previous) previous.after(card);
      else list.prepend(card);
    }
    card._update(toast, group.length);
    countdown(card, toast, () => leave(card._ids, "timeout"));
    observer.observe(card.firstChild);
  }
  put(card, cards.length < (settings.limit ?? 3) ? "visible" : "queued");
  cards.push(card);
}

function put(card, state) {
  card.dataset.state = state;
  if (state !== "visible") release(card);
  card.inert = state !== "visible";
}

/** Where each card stands in the stack: its number, and the heights up to its far end. */
function layout() {
  // The first that waits, too: it fades out in its place. The rest cost nothing.
  const seen = cards.slice(0, cards.filter((card) => !card.inert).length + 1);
  const heights = seen.map((card) => card.firstChild.offsetHeight);
  let sum = 0;
  const set = ({ style }, name, value) => style.setProperty(name, value);
  seen.forEach((card, index) => {
    sum += heights[index];
    set(card, "--i", index);
    set(card, "--o", `${sum}px`);
    if (!card.inert) set(list, "--o", `${sum}px`);
  });
  if (seen[0]) set(list, "--h", `${heights[0]}px`); // else the last one's, which is still leaving
}

/** Who is with the toasts sees all of them, and time stands still; so it does over a modal dialog. */
function refresh() {
  const open = !!cards[0] && (pointer || !!region.querySelector(":focus-visible"));
  region.toggleAttribute("data-expanded", open);
  const run = !open && here() && document.hasFocus() && region.parentNode === document.documentElement;
  for (const card of cards) {
    if (run && !card.inert) card._timer?.play();
    else card._timer?.pause();
  }
}

function point(inside) {
  if (pointer === inside) return;
  pointer = inside;
  refresh();
}

function click(event) {
  const hit = event.target.closest("[href],button");
  const card = event.target.closest("[data-toast-id]");
  const name = hit?.dataset.toastAction;
  // The end of a selection in a link's text is no click on it.
  if (hit?.href && !name && !getSelection().isCollapsed) event.preventDefault();
  else if (hit && (name === undefined || tell("action", { id: card.dataset.toastId, name }))) close(card);
}

/** Once a frame: by the clock, because pages in the background draw none. */
export function renderSoon([{ reason }]) {
  timer ??= setTimeout(render, FRAME);
  // A page that is left keeps nothing.
  if (reason === "suspended") {
    render();
    list.replaceChildren();
  }
}

export function enableView() {
  // On the document: a toast that vanishes under the pointer gets no `pointerleave`.
  on(document, "pointerover pointerdown", ({ target }) => point(list.contains(target)));
  // A finger that is lifted leaves, too, but its owner is still reading.
  on(document, "pointerout", ({ relatedTarget, pointerType }) => relatedTarget || pointerType === "touch" || point(false));
  on(region, "focusin focusout", (event) => {
    noteOrigin(event);
    refresh();
  });
  on(region, "click", click);
  // A mouse click on a button leaves the focus where the user is working.
  on(region, "mousedown", (event) => event.target.closest("button") && event.preventDefault());
}
