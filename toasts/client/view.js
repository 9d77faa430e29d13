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
export function createRegion(config) {
  return element(
    "section",
    { "data-toasts-region": "", "data-connection": "connecting", "data-position": config.position },
    element("div", { class: "toasts-hidden", role: "status" }),
    element(
      "div",
      { class: "toasts-stack" },
      element("div", { role: "list" }),
      element("div", { class: "toasts-bar" }, element("button", { type: "button" }), element("button", { type: "button", class: "toasts-clear" }, config.labels.clear)),
    ),
  );
}

/**
 * @param may () => whether toasts may be shown now.
 * @param dismiss called with the ids of toasts.
 * @returns render(), for when that, or who has the focus, may have changed.
 */
export function createView({ region, store, config, may, dismiss }) {
  const { labels } = config;
  const stack = region.lastChild;
  const [list, bar] = stack.children;
  const [more, clear] = bar.children;
  const cards = new Map(); // id, or key -> card
  const observer = new ResizeObserver(layout);
  const release = enableKeyboard(region, config.hotkey, close);
  let order = []; // the cards, newest first
  let all = false; // as many as there are elements, instead of the first few
  let pointer = false; // is on the toasts
  let frame;

  function close(node) {
    dismiss(order.find((card) => card._node === node)?._ids ?? []);
  }

  function render() {
    frame = 0;
    // Several with one key are one card: the newest, with their number.
    const groups = Map.groupBy(store.list(), ({ key, id }) => (key ? ` ${key}` : id));
    const shown = [...groups].slice(0, MOST);
    const limit = all ? MOST : config.limit;
    for (const [key, card] of cards) if (!shown.some(([other]) => other === key)) leave(key, card);
    if (!may()) return refresh(); // nothing pops up where nobody looks
    let previous;
    order = shown.map(([key, toasts], index) => {
      const card = cards.get(key) ?? enter(key);
      place(card, toasts, previous);
      show(card, index < limit);
      previous = card._node;
      return card;
    });
    bar.hidden = groups.size < 2;
    more.hidden = groups.size <= config.limit;
    write(more, all ? labels.less : label(labels.more, { n: groups.size - limit }));
    region.ariaLabel = labels.region + (groups.size ? ` (${groups.size})` : "");
    layout();
    refresh();
  }

  function enter(key) {
    const card = createCard(labels);
    cards.set(key, card);
    observer.observe(card._inner);
    return card;
  }

  function place(card, toasts, previous) {
    const [toast] = toasts;
    const version = JSON.stringify([toasts.length, toast]);
    if (card._version === version) return;
    const node = card._node;
    if (node.dataset.toastId !== toast.id && !node.contains(document.activeElement)) {
      // New, or again: it comes in.
      list.querySelector(`[data-toast-id="${CSS.escape(toast.id)}"]`)?.remove();
      if (previous) previous.after(node);
      else list.prepend(node);
    }
    card._version = version;
    card._ids = toasts.map(({ id }) => id);
    card._update(toast, toasts.length);
    card._timer = countdown(card._timer, card._bar, toast, () => {
      card._timer = null;
      store.remove(card._ids, "timeout");
    });
  }

  function show(card, visible) {
    if (!visible) release(card._node);
    card._node.dataset.state = visible ? "visible" : "queued";
    card._node.inert = !visible;
  }

  function leave(key, { _node, _timer }) {
    cards.delete(key);
    _timer?.cancel();
    release(_node);
    _node.inert = true;
    _node.dataset.state = "leaving";
    _node.style.setProperty("--h", stack.style.getPropertyValue("--h")); // stays as high as it is
    setTimeout(() => _node.remove(), LEAVE);
  }

  /** Where each card stands in the stack: its number, and the heights up to its far end. */
  function layout() {
    const heights = order.map((card) => card._inner.offsetHeight);
    let sum = 0;
    const put = (node, index) => {
      node.style.setProperty("--i", index);
      node.style.setProperty("--o", `${sum}px`);
    };
    let count = 0;
    order.forEach(({ _node }, index) => {
      if (!_node.inert) {
        sum += heights[index];
        count++;
      }
      put(_node, index);
    });
    put(stack, count);
    stack.style.setProperty("--h", `${heights[0]}px`);
  }

  /** Who is with the toasts sees all of them, and time stands still. */
  function refresh() {
    const open = pointer || !!region.querySelector(":focus-visible");
    region.toggleAttribute("data-expanded", open);
    const run = !open && may() && document.hasFocus() && region.parentNode === document.documentElement; // not over a modal dialog
    for (const { _timer, _node } of order) _timer?.[run && !_node.inert ? "play" : "pause"]();
    if (!open && all) {
      all = false;
      render();
    }
  }

  function point(inside) {
    if (pointer !== inside) {
      pointer = inside;
      refresh();
    }
  }

  // On the document: a toast that vanishes under the pointer gets no `pointerleave`. The bar alone opens
  // nothing: it would run away from the pointer.
  on(document, "pointerover pointerdown", ({ target }) => point((pointer ? region : list).contains(target)));
  // A finger that is lifted leaves, too, but its owner is still reading.
  on(document, "pointerout", ({ relatedTarget, pointerType }) => relatedTarget || pointerType === "touch" || point(false));
  on(region, "focusin focusout", ({ relatedTarget, type }) => (type === "focusout" && region.contains(relatedTarget)) || refresh());
  on(more, "click", () => {
    all = !all;
    pointer = true;
    render();
  });
  on(clear, "click", () => dismiss(store.list().map(({ id }) => id)));
  on(list, "click", ({ target }) => {
    const hit = target.closest("[data-toast-close],[data-toast-action],a[href]");
    if (!hit) return;
    const node = hit.closest("[data-toast-id]");
    const name = hit.dataset.toastAction;
    if (name === undefined || tell("action", { id: node.dataset.toastId, name })) close(node);
  });
  // A mouse click on the cross leaves the focus where the user is working.
  on(list, "mousedown", (event) => event.target.closest("[data-toast-close]") && event.preventDefault());
  enableSwipe(list, close);
  store.subscribe(({ removed }) => {
    // A page that is left keeps nothing; a hidden one draws no frames.
    if (removed.some(({ reason }) => reason === "suspended")) {
      render();
      list.replaceChildren();
    } else frame ||= document.hidden ? queueMicrotask(render) : requestAnimationFrame(render);
  });
  render();
  return render;
}
