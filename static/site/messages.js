// The two lists of the message page. Both show the same feed, newest row first.

import { debouncedStatus } from "./debounced-status.js";

const eventSourceList = document.querySelector("[data-by-eventsource]");
const announceMessage = debouncedStatus(
  document.querySelector("[data-news]"),
  (count, { author, text }) => (count === 1 ? `${author}: ${text}` : `${count} new messages`),
);

// By EventSource: each row is JSON.

const items = new Map(); // by the message's key
const source = new EventSource(eventSourceList.dataset.byEventsource);

source.addEventListener("change", ({ data }) => {
  const { key, action, row } = JSON.parse(data);
  showMessage(key, row);
  if (action === "INSERT") announceMessage(row);
});
source.addEventListener("remove", ({ data }) => removeMessages(JSON.parse(data).keys));
source.addEventListener("sync", ({ data }) => {
  const currentKeys = new Set(JSON.parse(data).keys);
  removeMessages([...items.keys()].filter((key) => !currentKeys.has(key)));
});
source.addEventListener("open", () => showState(eventSourceList, "live"));
source.addEventListener("error", () => {
  const isClosed = source.readyState === EventSource.CLOSED;
  showState(eventSourceList, isClosed ? "ended" : "connecting");
});

function showMessage(key, row) {
  const item = makeItem(row);
  if (items.has(key)) items.get(key).replaceWith(item);
  else eventSourceList.prepend(item);
  items.set(key, item);
}

function removeMessages(keys) {
  for (const key of keys) {
    items.get(key)?.remove();
    items.delete(key);
  }
}

function makeItem({ author, text, time, sent_at }) {
  const item = document.createElement("li");
  const sentAt = Object.assign(makeElement("time", time), { dateTime: sent_at });
  item.append(makeElement("strong", author), " ", sentAt, makeElement("p", text));
  return item;
}

function makeElement(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}

// By htmx: each row is HTML. htmx itself removes rows. This extension replaces a row that the list
// has already, and removes the rows that were deleted while there was no connection.

htmx.defineExtension("rows", {
  isInlineSwap: (swapStyle) => swapStyle === "rows",
  handleSwap(swapStyle, list, fragment) {
    if (swapStyle !== "rows") return false;
    const newItems = [...fragment.children];
    for (const item of newItems) {
      const oldItem = document.getElementById(item.id);
      if (oldItem) oldItem.replaceWith(item);
      else list.prepend(item);
    }
    return newItems;
  },
  onEvent(name, { target, detail }) {
    if (name === "htmx:sseOpen") showState(target, "live");
    if (name === "htmx:sseError") showState(target, "connecting");
    if (name !== "htmx:sseBeforeMessage" || detail.type !== "sync") return true;
    removeOtherItems(target, JSON.parse(detail.data).keys);
    return false; // a sync holds no HTML that htmx could swap in
  },
});

function removeOtherItems(list, keys) {
  const currentIds = new Set(keys.map((key) => `message-${key}`));
  for (const item of [...list.children]) {
    if (!currentIds.has(item.id)) item.remove();
  }
}

function showState(list, state) {
  const place = list.closest("section").querySelector("[data-live]");
  place.dataset.live = state;
  place.textContent = state;
}
