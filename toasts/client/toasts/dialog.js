/**
 * Keeps the region where it can be used: beside `body`, not in it, so that page swaps (Turbo, htmx) and
 * their caches leave it alone. A modal dialog makes everything outside it inert (whatwg/html 9936), so the
 * region moves into the topmost one, and back.
 */

import { region } from "./region.js";
import { render } from "./stack.js";

/** @type {Set<Element>} the topmost is the last */
const modals = new Set();
const stylesheet = document.querySelector("link[data-toasts]");

/** @param {Element} node or the document, which has no `matches` */
function noteDialog(node) {
  // Only a modal dialog that is in the page matches; a full-screen element is no dialog.
  if (node.matches?.("dialog:modal")) modals.add(node);
  else modals.delete(node);
}

/** Bring the region to where it belongs. */
function placeRegion() {
  const home = [...modals].at(-1) ?? document.documentElement;
  if (region.parentNode === home && region.isConnected) return;
  // Keeps focus and motion, where the browser can.
  if ("moveBefore" in home && region.isConnected) home.moveBefore(region, null);
  else home.append(region);
  render();
}

/** @param {Iterable<Element>} nodes that may be dialogs */
function update(nodes) {
  [...nodes, ...modals].forEach(noteDialog);
  // Swapped away with the body that it came in.
  if (stylesheet && !stylesheet.isConnected) document.head.append(stylesheet);
  placeRegion();
}

export function keepOnTop() {
  // `open` changes with a dialog; nodes change when something removes the region or the dialog around it.
  const options = { childList: true, subtree: true, attributeFilter: ["open"] };
  const onMutation = (/** @type {MutationRecord[]} */ records) =>
    update(records.map(({ target }) => /** @type {Element} */ (target)));
  new MutationObserver(onMutation).observe(document, options);
  update(document.querySelectorAll("dialog"));
}
