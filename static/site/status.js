// The status page, live by long polling: each request waits on the server until something changes,
// or until WAIT is over. Proxies allow requests more time than that.

const WAIT = 25; // seconds
const TIMEOUT = 40; // seconds after which a request without an answer is given up
const PAUSE_MIN = 3000; // milliseconds to wait after an error
const PAUSE_MAX = 5000; // random between the two, so that not all pages return at the same moment

const page = document.querySelector("[data-status]");
const serviceList = page.querySelector("[data-services]");
const historyList = page.querySelector("[data-history]");
const rows = new Map(); // of both kinds, by key
let isComplete = false; // whether the rows that existed at first have arrived

// Polling.

async function pollForever() {
  let cursor = "";
  for (;;) {
    const startedAt = Date.now();
    try {
      const answer = await poll(cursor);
      if (answer.events.length) apply(answer.events);
      // A server that can't let requests wait answers at once. Don't poll it without a pause.
      else if (Date.now() - startedAt < 1000) await pause();
      cursor = answer.cursor;
      showState("live", "Live");
    } catch {
      cursor = "";
      showState("ended", "No connection; trying again");
      await pause();
    }
  }
}

async function poll(cursor) {
  const query = new URLSearchParams({ wait: String(WAIT), cursor });
  const response = await fetch(`${page.dataset.feed}?${query}`, {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT * 1000),
  });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.json();
}

function pause() {
  const delay = PAUSE_MIN + Math.random() * (PAUSE_MAX - PAUSE_MIN);
  return new Promise((resolve) => setTimeout(resolve, delay));
}

// The rows. An answer with a `sync` event has all of them; others have only what changed.

function apply(events) {
  for (const { event, data } of events) {
    if (event === "change") rows.set(data.key, data.row);
    if (event === "remove") data.keys.forEach((key) => rows.delete(key));
    if (event === "sync") keepOnly(data.keys);
  }
  const services = rowsOfKind("service-");
  draw(serviceList, services, makeService);
  draw(historyList, rowsOfKind("incident-").reverse(), makeIncident);
  page.querySelector("[data-quiet]").hidden = historyList.children.length > 0;
  showVerdict(services.map(({ row }) => row));
  isComplete = true;
}

function keepOnly(keys) {
  const currentKeys = new Set(keys);
  for (const key of [...rows.keys()]) {
    if (!currentKeys.has(key)) rows.delete(key);
  }
}

/** Returns the rows whose keys begin with `prefix`, by number, oldest first. */
function rowsOfKind(prefix) {
  const numberOf = ({ key }) => Number(key.slice(prefix.length));
  return [...rows]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, row]) => ({ key, row }))
    .sort((first, second) => numberOf(first) - numberOf(second));
}

/** Shows the rows in a list. Items that didn't change stay; those that did are highlighted. */
function draw(list, listedRows, makeItem) {
  const oldItems = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const items = listedRows.map(({ key, row }) => {
    const content = JSON.stringify(row);
    const oldItem = oldItems.get(key);
    if (oldItem?.content === content) {
      delete oldItem.dataset.new;
      return oldItem;
    }
    const item = makeItem(row);
    Object.assign(item.dataset, { key, state: row.state });
    item.content = content;
    if (isComplete) item.dataset.new = "";
    return item;
  });
  list.replaceChildren(...items);
}

function makeService({ name, label }) {
  return makeElement("li", {}, makeSpan("name", name), " ", makeSpan("state", label));
}

function makeIncident({ service, label, text, at, by }) {
  const strong = makeElement("strong", {}, service);
  const change = makeElement("p", {}, strong, ": ", makeSpan("state", label));
  const time = makeElement("time", { dateTime: at }, localTime(at));
  const hint = makeElement("p", { className: "hint" }, time, `, ${by}`);
  const details = text ? [makeElement("p", {}, text)] : [];
  return makeElement("li", {}, change, ...details, hint);
}

function showVerdict(services) {
  const broken = services.filter(({ state }) => state !== "working");
  const problems = broken.map(({ name, label }) => `${name}: ${label.toLowerCase()}`);
  const verdict = broken.length ? `${problems.join(", ")}.` : "All services are working.";
  const place = page.querySelector("[data-verdict]");
  // A screen reader would read the same text again if it was set again.
  if (place.textContent !== verdict) place.textContent = verdict;
  const latest = services
    .map(({ at }) => at)
    .sort()
    .at(-1);
  const changed = latest ? `Last change: ${localTime(latest)}` : "";
  page.querySelector("[data-changed]").textContent = changed;
}

function showState(state, text) {
  const place = page.querySelector("[data-live]");
  if (place.dataset.live === state) return;
  place.dataset.live = state;
  place.textContent = text;
}

function localTime(isoTime) {
  return new Date(isoTime).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

function makeSpan(className, text) {
  return makeElement("span", { className }, text);
}

function makeElement(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

void pollForever();
