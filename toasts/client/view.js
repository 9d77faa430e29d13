/** The region and its stack. Sets attributes; the stylesheet does the motion. */

import { createCard } from "./card.js";
import { label } from "./config.js";
import { element, on, tell } from "./dom.js";
import { lifetime } from "./timers.js";

/** Milliseconds for the way out: by the clock, because a hidden tab plays no animations. */
const LEAVE = 250;

/** The one region, there from the start so that screen readers know it before its first toast. */
export function createRegion(config) {
  return element(
    "section",
    {
      "data-toasts-region": "",
      "data-connection": "connecting",
      "data-position": config.position,
      "aria-label": config.labels.region,
    },
    element("div", { class: "toasts-hidden", role: "status" }),
    element("div", { class: "toasts-list", role: "list" }),
    element(
      "div",
      { class: "toasts-bar", hidden: "" },
      element("button", { type: "button", class: "toasts-more" }),
      element("button", { type: "button", class: "toasts-clear" }, config.labels.clear),
    ),
  );
}

export function createView({ region, store, timers, keyboard, config, dismiss, dismissAll }) {
  const list = region.querySelector(".toasts-list");
  const bar = createBar({ region, config, dismissAll, onToggle: () => arrange("live") });
  const cards = new Map();
  const leaving = new Map(); // id -> out(), at once

  function enter(toast) {
    leaving.get(toast.id)?.();
    const card = createCard(toast, config.labels);
    cards.set(toast.id, card);
    list.prepend(card.node);
  }

  function update(toast) {
    const { node, update } = cards.get(toast.id);
    update(toast);
    if (node.dataset.state === "visible") timers.restart(toast.id, lifetime(toast));
  }

  function leave({ toast, reason }) {
    const { node } = cards.get(toast.id);
    cards.delete(toast.id);
    timers.stop(toast.id);
    keyboard.release(node);
    const timer = setTimeout(out, LEAVE);
    function out() {
      clearTimeout(timer);
      leaving.delete(toast.id);
      node.remove();
    }
    leaving.set(toast.id, out);
    if (node.hidden || reason === "suspended" || reason === "signed-out") return out();
    node.dataset.state = "leaving";
    node.inert = true;
  }

  function arrange(origin) {
    const toasts = store.list();
    const limit = bar.limit(toasts.length);
    toasts.forEach((toast, index) => show(toast, index < limit, origin));
    bar.update(toasts.length);
  }

  function show(toast, visible, origin) {
    const { node } = cards.get(toast.id);
    const state = visible ? "visible" : "queued";
    if (node.dataset.state === state) return;
    if (!visible) keyboard.release(node);
    node.dataset.state = state;
    node.dataset.enter = origin; // what was there before the page was does not make an entrance
    node.hidden = !visible;
    if (visible) timers.restart(toast.id, lifetime(toast));
    else timers.stop(toast.id);
  }

  store.subscribe(({ added, updated, removed, origin }) => {
    removed.forEach(leave);
    added.forEach(enter);
    updated.forEach(({ toast }) => update(toast));
    arrange(origin);
  });
  on(list, "animationend", ({ target }) => {
    // Else the region's move into a dialog would play it again.
    if (target.dataset.state === "visible") delete target.dataset.enter;
  });
  listen(list, dismiss);
}

function listen(list, dismiss) {
  on(list, "click", (event) => {
    const target = event.target.closest("[data-toast-close], [data-toast-action], a");
    if (!target) return;
    const name = target.dataset.toastAction;
    const id = event.target.closest("[data-toast-id]").dataset.toastId;
    if (name === undefined || tell("action", { id, name })) dismiss(id);
  });
  // A mouse click on the cross leaves the focus where the user is working.
  on(list, "mousedown", (event) => event.target.closest("[data-toast-close]") && event.preventDefault());
}

/** "+3 more": counts the queued, shows them on demand. */
function createBar({ region, config, dismissAll, onToggle }) {
  const bar = region.querySelector(".toasts-bar");
  const [more, clear] = bar.children;
  let expanded = false;
  on(more, "click", () => {
    expanded = !expanded;
    onToggle();
  });
  on(clear, "click", dismissAll);
  return {
    limit(count) {
      if (count <= config.limit) expanded = false;
      return expanded ? Infinity : config.limit;
    },
    update(count) {
      bar.hidden = count <= config.limit;
      clear.hidden = !expanded;
      more.setAttribute("aria-expanded", String(expanded));
      more.textContent = expanded ? config.labels.less : label(config.labels.more, { n: count - config.limit });
      region.toggleAttribute("data-expanded", expanded);
    },
  };
}
