/** The region and its stack. Sets attributes and a few numbers; the stylesheet does the motion. */

import { createCard } from "./card.js";
import { label } from "./config.js";
import { element, on, tell, write } from "./dom.js";
import { enableKeyboard } from "./keyboard.js";
import { enableSwipe } from "./swipe.js";
import { countdown } from "./timers.js";

/** Elements at most, however many toasts there are. */
const MOST = 20;
/** Milliseconds for the way out: by the clock, because a hidden tab plays no animations. */
const LEAVE = 300;

/** The one region, there from the start so that screen readers know it before its first toast. */
export function createRegion({ position, labels }) {
  const button = (name) => element("button", { type: "button", class: `toasts-${name}` }, labels[name]);
  return element(
    "section",
    { "data-toasts-region": "", "data-connection": "connecting", "data-position": position },
    element("div", { class: "toasts-hidden", role: "status" }),
    element(
      "div",
      { class: "toasts-stack" },
      element("div", { role: "list" }),
      element("div", { class: "toasts-bar" }, button("more"), button("clear")),
    ),
  );
}

/**
 * @param may () => whether toasts may be shown now.
 * @param dismiss called with the ids of toasts, or none for all.
 * @returns render(), for when that, or who has the focus, may have changed.
 */
export function createView(region, store, { labels, limit, hotkey }, may, dismiss) {
  const stack = region.lastChild;
  const [list, bar] = stack.children;
  const [more, clear] = bar.children;
  const cards = new Map(); // id, or key -> card
  const observer = new ResizeObserver(layout);
  const close = (card) => dismiss(card._ids);
  const release = enableKeyboard(region, hotkey, close);
  let order = []; // the cards, newest first
  let all = false; // as many as there are elements, instead of the first few
  let pointer = false; // is on the toasts
  let frame;

  function render() {
    frame = 0;
    // Several with one key are one card: the newest, with their number.
    const groups = Map.groupBy(store.list(), ({ key, id }) => (key ? ` ${key}` : id));
    const keys = [...groups.keys()].slice(0, MOST);
    for (const [key, card] of cards) {
      if (keys.includes(key)) continue;
      cards.delete(key);
      card._timer?.cancel();
      const away = () => card.remove();
      if (card.inert || groups.has(key)) away(); // nobody sees it, or too many are newer
      else {
        put(card, "leaving");
        setTimeout(away, LEAVE);
      }
    }
    order = [];
    // Nothing pops up where nobody looks.
    for (const key of keys) if (cards.has(key) || may()) order.push(show(key, groups.get(key), order.at(-1)));
    // A finger gives no sign when the last toast goes; the next must not stay for it.
    pointer &&= !!order[0];
    bar.hidden = groups.size < 2;
    more.hidden = groups.size <= limit;
    write(more, all ? labels.less : label(labels.more, { n: groups.size - limit }));
    region.ariaLabel = labels.region + (groups.size ? ` (${groups.size})` : "");
    layout();
    refresh();
  }

  function show(key, toasts, previous) {
    const [toast] = toasts;
    const version = JSON.stringify([toasts.length, toast]);
    const card = cards.get(key) ?? createCard(labels);
    cards.set(key, card);
    if (card._version !== version) {
      card._version = version;
      card._ids = toasts.map(({ id }) => id);
      if (card.dataset.toastId !== toast.id && !card.contains(document.activeElement)) {
        // New, or again: it comes in.
        list.querySelector(`[data-toast-id="${CSS.escape(toast.id)}"]`)?.remove();
        if (previous) previous.after(card);
        else list.prepend(card);
      }
      card._update(toast, toasts.length);
      countdown(card, toast, () => store.remove(card._ids, "timeout"));
      observer.observe(card.firstChild);
    }
    put(card, order.length < (all ? MOST : limit) ? "visible" : "queued");
    return card;
  }

  function put(card, state) {
    card.dataset.state = state;
    if (state !== "visible") release(card);
    card.inert = state !== "visible";
  }

  /** Where each card stands in the stack: its number, and the heights up to its far end. */
  function layout() {
    // The first that waits, too: it fades out in its place. The rest cost nothing.
    const seen = order.slice(0, order.filter((card) => !card.inert).length + 1);
    const heights = seen.map((card) => card.firstChild.offsetHeight);
    let sum = 0;
    const stand = ({ style }, index) => {
      style.setProperty("--i", index);
      style.setProperty("--o", `${sum}px`);
      style.setProperty("--h", `${heights[0]}px`);
    };
    seen.forEach((card, index) => {
      sum += heights[index];
      stand(card, index);
      if (!card.inert) stand(stack, index + 1);
    });
  }

  /** Who is with the toasts sees all of them, and time stands still; so it does over a modal dialog. */
  function refresh() {
    const open = !!order[0] && (pointer || !!region.querySelector(":focus-visible"));
    region.toggleAttribute("data-expanded", open);
    const run = !open && may() && document.hasFocus() && region.parentNode === document.documentElement;
    for (const card of order) card._timer?.[run && !card.inert ? "play" : "pause"]();
    if (all && !open) {
      all = false;
      render();
    }
  }

  function point(inside) {
    if (pointer === inside) return;
    pointer = inside;
    refresh();
  }

  // On the document: a toast that vanishes under the pointer gets no `pointerleave`. The bar alone opens
  // nothing: it would run away from the pointer.
  on(document, "pointerover pointerdown", ({ target }) => point((pointer ? region : list).contains(target)));
  // A finger that is lifted leaves, too, but its owner is still reading.
  on(document, "pointerout", ({ relatedTarget, pointerType }) => relatedTarget || pointerType === "touch" || point(false));
  on(region, "focusin focusout", ({ relatedTarget, type }) => (type === "focusout" && region.contains(relatedTarget)) || refresh());
  on(region, "click", (event) => {
    const { target } = event;
    const hit = target.closest("a,button");
    const card = target.closest("[data-toast-id]");
    const name = hit?.dataset.toastAction;
    if (hit === more) {
      all = !all;
      pointer = true;
      render();
    } else if (hit === clear) dismiss();
    // The end of a selection in a link's text is no click on it.
    else if (hit?.className && !getSelection().isCollapsed) event.preventDefault();
    else if (hit && (name === undefined || tell("action", { id: card.dataset.toastId, name }))) close(card);
  });
  // A mouse click on a button leaves the focus where the user is working.
  on(region, "mousedown", (event) => event.target.closest("button") && event.preventDefault());
  enableSwipe(list, close);
  store.subscribe(({ removed }) => {
    // A page that is left keeps nothing; a hidden one draws no frames.
    if (removed[0]?.reason === "suspended") {
      render();
      list.replaceChildren();
    } else frame ||= (document.hidden ? queueMicrotask : requestAnimationFrame)(render);
  });
  render();
  return render;
}
