/**
 * Keeps the region where it can be used. Beside `body`, not in it: page swaps (Turbo, htmx) and their
 * caches leave it alone. A modal dialog makes everything outside it inert (whatwg/html 9936), so the
 * region moves into the topmost one, and back.
 */

export function keepOnTop(region) {
  const modals = new Set();
  const style = document.querySelector("link[data-toasts]");

  function place(dialogs) {
    for (const dialog of dialogs) if (isModal(dialog)) modals.add(dialog);
    for (const dialog of modals) if (!isModal(dialog)) modals.delete(dialog);
    // Swapped away with the body that it came in.
    if (style && !style.isConnected) document.head.append(style);
    const home = [...modals].pop() ?? document.documentElement;
    if (region.parentNode !== home || !region.isConnected) home.append(region);
  }

  // `open` tells of dialogs; the rest of whatever took the region, or the dialog around it, away.
  const observer = new MutationObserver((records) => place(records.map((record) => record.target)));
  observer.observe(document, { childList: true, subtree: true, attributeFilter: ["open"] });
  place(document.querySelectorAll("dialog"));
}

/** Only a modal dialog that is in the page matches. */
function isModal(node) {
  return node.localName === "dialog" && node.matches(":modal");
}
