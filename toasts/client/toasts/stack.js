/** The stack of cards. It sets attributes and a few numbers; the stylesheet does the motion. */

import { setText } from "../shared/dom.js";
import { dismiss } from "./browser.js";
import { Card } from "./card.js";
import { fill, limit, settings } from "./config.js";
import { passFocusOn } from "./focus.js";
import { mayShow } from "./presence.js";
import { bar, list, moreButton, region, stack } from "./region.js";
import * as store from "./store.js";
import { startCountdown } from "./timers.js";

/** @import { Change, Toast } from "./types.d.ts" */

/** Cards at most, however many toasts there are. */
const MOST_CARDS = 20;
/** Milliseconds for the way out: by the clock, because a hidden tab plays no animations. */
const LEAVE_TIME = 300;
/** Milliseconds between two renderings: by the clock, because pages in the background draw no frames. */
const FRAME = 16;

/** @type {Card[]} newest first */
let cards = [];
let showsAll = false; // instead of the first few
let hasPointer = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer; // until the next rendering

const heights = new ResizeObserver(layout);

/** Show what there is to show: call it when that, or whether it may be shown, may have changed. */
export function render() {
  timer = undefined;
  // Several toasts with one key are one card: the newest, with their number.
  const groups = Map.groupBy(store.list(), ({ key, id }) => (key ? `key ${key}` : `id ${id}`));
  const before = cards;
  cards = [];
  for (const [key, group] of [...groups].slice(0, MOST_CARDS)) {
    const card = before.find((known) => known.key === key);
    // Nothing pops up where nobody looks.
    if (card || mayShow()) show(card ?? new Card(), key, group);
  }
  for (const card of before) if (!cards.includes(card)) drop(card, groups.has(card.key));
  // A finger gives no sign when the last toast goes; the next one must not stay for it.
  if (cards.length === 0) hasPointer = false;
  renderNumbers(groups.size);
  layout();
  refresh();
}

/** @param {number} number of groups */
function renderNumbers(number) {
  region.ariaLabel = settings.region + (number > 0 ? ` (${number})` : "");
  setText(moreButton, showsAll ? settings.less : fill(settings.more, number - limit));
  setHidden(moreButton, number <= limit);
  setHidden(bar, number < 2);
}

/**
 * @param {HTMLElement} element
 * @param {boolean} isHidden
 */
function setHidden(element, isHidden) {
  if (isHidden) passFocusOn(element);
  element.hidden = isHidden;
}

/**
 * @param {Card} card
 * @param {boolean} isCrowdedOut its toasts are still there, but too many are newer
 */
function drop(card, isCrowdedOut) {
  const removeElement = () => card.element.remove();
  const wasVisible = card.isVisible;
  card.countdown?.cancel();
  setState(card, "leaving");
  if (wasVisible && !isCrowdedOut) setTimeout(removeElement, LEAVE_TIME);
  else removeElement();
}

/**
 * @param {Card} card
 * @param {string} key
 * @param {Toast[]} group newest first
 */
function show(card, key, group) {
  const version = `${group.length} ${group[0].fingerprint}`;
  if (card.version !== version) {
    card.key = key;
    card.version = version;
    card.ids = group.map(({ id }) => id);
    insert(card, group[0].id);
    fillIn(card, group);
    heights.observe(card.content);
  }
  setState(card, cards.length < (showsAll ? MOST_CARDS : limit) ? "visible" : "queued");
  cards.push(card);
}

/**
 * It is async so that a failure of one card, which the browser reports, does not stop the others.
 *
 * @param {Card} card
 * @param {Toast[]} group newest first
 */
async function fillIn(card, group) {
  card.update(group[0], group.length);
  startCountdown(card, group[0], () => dismiss(card.ids, "timeout"));
}

/**
 * Put a new card into its place; and one whose newest toast is another now, so that it comes in again.
 *
 * @param {Card} card
 * @param {string} id
 */
function insert({ element }, id) {
  if (element.dataset.toastId === id || element.contains(document.activeElement)) return;
  const leaving = [...list.children].find(
    (other) => /** @type {HTMLElement} */ (other).dataset.toastId === id,
  );
  leaving?.remove();
  const previous = cards.at(-1);
  if (previous) previous.element.after(element);
  else list.prepend(element);
}

/**
 * @param {Card} card
 * @param {"visible" | "queued" | "leaving"} state
 */
function setState({ element }, state) {
  element.dataset.state = state;
  if (state !== "visible") passFocusOn(element);
  element.inert = state !== "visible";
}

/** Tell each card where it stands in the stack: its number, and the heights up to its far end. */
function layout() {
  const visible = cards.filter((card) => card.isVisible);
  // The first that waits, too: it fades out in its place. The rest cost nothing.
  const placed = cards.slice(0, visible.length + 1);
  const sizes = placed.map((card) => card.content.offsetHeight);
  let sum = 0;
  placed.forEach((card, index) => {
    sum += sizes[index];
    place(card.element, index, sum);
    if (card.isVisible) place(stack, index + 1, sum);
  });
  // Else the last one's, which is still leaving.
  if (sizes.length > 0) stack.style.setProperty("--_first-height", `${sizes[0]}px`);
}

/**
 * @param {HTMLElement} element
 * @param {number} index
 * @param {number} height pixels
 */
function place({ style }, index, height) {
  style.setProperty("--_index", `${index}`);
  style.setProperty("--_height", `${height}px`);
}

/** Open the stack while the pointer or the focus is in it. Its timers pause, as they do under a modal dialog. */
export function refresh() {
  const hasAttention = hasPointer || region.querySelector(":focus-visible") !== null;
  const isOpen = hasAttention && cards.length > 0;
  region.toggleAttribute("data-expanded", isOpen);
  runCountdowns(!isOpen && isWatched());
  if (showsAll && !isOpen) setShowsAll(false);
}

function isWatched() {
  const isInDialog = region.parentNode !== document.documentElement;
  return mayShow() && document.hasFocus() && !isInDialog;
}

/** @param {boolean} run */
function runCountdowns(run) {
  for (const { countdown, isVisible } of cards) {
    if (run && isVisible) countdown?.play();
    else countdown?.pause();
  }
}

/** @param {boolean} next */
function setShowsAll(next) {
  showsAll = next;
  render();
}

/** Show all cards instead of the first few, or the first few again. */
export function toggleAll() {
  hasPointer = true; // and not only the focus of a click
  setShowsAll(!showsAll);
}

/**
 * Note whether the pointer is with the stack.
 *
 * @param {Node | null} target what it is over
 */
export function setPointerTarget(target) {
  // The bar alone opens nothing: it would run away from the pointer.
  const next = (hasPointer ? region : list).contains(target);
  if (next === hasPointer) return;
  hasPointer = next;
  refresh();
}

/**
 * Close a card: its toasts are read.
 *
 * @param {Element | null} element
 */
export function closeCard(element) {
  const card = cards.find((known) => known.element === element);
  if (card) dismiss(card.ids, "user");
}

/**
 * Render after a change, once a frame.
 *
 * @param {Change[]} changes
 */
export function renderSoon([{ reason }]) {
  timer ??= setTimeout(render, FRAME);
  if (reason !== "suspended") return;
  // A page that is left keeps nothing.
  render();
  list.replaceChildren();
}
