// The two lists of the message page. Both show the same feed, the newest row first.

import { quietly } from "./quietly.js";

const plain = document.querySelector("[data-by-eventsource]");
const hypertext = document.querySelector("[data-by-htmx]");
const news = quietly(document.querySelector("[data-news]"), (count, { author, text }) =>
  count === 1 ? `${author}: ${text}` : `${count} new messages`,
);

/* By EventSource: rows as JSON. */

const items = new Map(); // by key
const source = new EventSource(plain.dataset.byEventsource);

source.addEventListener("change", ({ data }) => {
  const { key, action, row } = JSON.parse(data);
  const item = itemOf(row);
  if (items.has(key)) items.get(key).replaceWith(item);
  else plain.prepend(item);
  items.set(key, item);
  if (action === "INSERT") news(row);
});
source.addEventListener("remove", ({ data }) => drop(JSON.parse(data).keys));
source.addEventListener("sync", ({ data }) => {
  const there = new Set(JSON.parse(data).keys);
  drop([...items.keys()].filter((key) => !there.has(key)));
});
source.addEventListener("open", () => state(plain, "live"));
source.addEventListener("error", () => {
  state(plain, source.readyState === EventSource.CLOSED ? "ended" : "connecting");
});

function drop(keys) {
  for (const key of keys) {
    items.get(key)?.remove();
    items.delete(key);
  }
}

function itemOf({ author, text, time, sent_at }) {
  const item = document.createElement("li");
  const when = element("time", time);
  when.dateTime = sent_at;
  item.append(element("strong", author), " ", when, element("p", text));
  return item;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/* By htmx: rows as HTML. It knows how to remove one; that a row may be there already, or be gone
   without a word since the connection broke, is what this extension adds. */

htmx.defineExtension("rows", {
  isInlineSwap: (style) => style === "rows",
  handleSwap(style, list, fragment) {
    if (style !== "rows") return false;
    const made = [...fragment.children];
    for (const item of made) {
      const old = document.getElementById(item.id);
      if (old) old.replaceWith(item);
      else list.prepend(item);
    }
    return made;
  },
  onEvent(name, { target, detail }) {
    if (name === "htmx:sseOpen") state(target, "live");
    if (name === "htmx:sseError") state(target, "connecting");
    if (name !== "htmx:sseBeforeMessage" || detail.type !== "sync") return true;
    const there = new Set(JSON.parse(detail.data).keys.map((key) => `message-${key}`));
    for (const item of [...target.children]) if (!there.has(item.id)) item.remove();
    return false; // it is no HTML
  },
});

function state(list, name) {
  const place = list.closest("section").querySelector("[data-live]");
  place.dataset.live = place.textContent = name;
}
