/**
 * Keeps the region where it can be used. Beside `body`, not in it: page swaps (Turbo, htmx) and their
 * caches leave it alone. A modal dialog makes everything outside it inert (whatwg/html 9936), so the
 * region moves into the topmost one, and back.
 */

import { region, render } from "./view.js";

const modals = new Set();
const style = document.querySelector("link[data-toasts]");

function place(nodes) {
  // Only a modal dialog that is in the page matches; a full-screen element is no dialog.
  for (const node of [...nodes, ...modals]) {
    if (node.matches?.("dialog:modal")) modals.add(node);
    else modals.delete(node);
  }
  // Swapped away with the body that it came in.
  if (style && !style.isConnected) document.head.append(style);
  const home = [...modals].pop() ?? document.documentElement;
  if (region.parentNode === home && region.isConnected) return;
  // Keeps focus and motion, where the browser can.
  if (home.moveBefore && region.isConnected) home.moveBefore(region, null);
  else home.append(region);
  render();
}

export function keepOnTop() {
  // `open` tells of dialogs; the rest of whatever took the region, or the dialog around it, away.
  new MutationObserver((records) => place(records.map(({ target }) => target))).observe(document, {
    childList: true,
    subtree: true,
    attributeFilter: ["open"],
  });
  place(document.querySelectorAll("dialog"));
}
