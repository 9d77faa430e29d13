// The status page, live by long polling: each request waits on the server until there is news, or
// until WAIT is over, which is less than any proxy's patience.

const WAIT = 25; // seconds
const GIVE_UP = 40; // seconds, in case that no answer comes at all
const PAUSE = [3000, 5000]; // milliseconds after an error, spread so that not all pages ask at once

const page = document.querySelector("[data-status]");
const services = page.querySelector("[data-services]");
const history = page.querySelector("[data-history]");

async function follow() {
  let cursor = "";
  for (;;) {
    const asked = Date.now();
    try {
      const answer = await ask(cursor);
      if (answer.events.length) show(answer.events);
      // A server that can't wait answers at once: it is not to be asked all the time.
      else if (Date.now() - asked < 1000) await pause();
      cursor = answer.cursor;
      tell("live", "Live");
    } catch {
      cursor = "";
      tell("ended", "No connection; trying again");
      await pause();
    }
  }
}

async function ask(cursor) {
  const query = new URLSearchParams({ wait: WAIT, cursor });
  const response = await fetch(`${page.dataset.feed}?${query}`, {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(GIVE_UP * 1000),
  });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.json();
}

function pause() {
  const [least, most] = PAUSE;
  return new Promise((done) => setTimeout(done, least + Math.random() * (most - least)));
}

// What the answer says, put to what is known. With a `sync` it has all rows there are, in order; an
// answer to a question that waited has only what changed.
const rows = new Map();

function show(events) {
  for (const { event, data } of events) {
    if (event === "change") rows.set(data.key, data.row);
    if (event === "remove") for (const key of data.keys) rows.delete(key);
    if (event === "sync") keep(data.keys);
  }
  draw(services, of("service-"), service);
  draw(history, of("incident-").reverse(), incident);
  page.querySelector("[data-quiet]").hidden = history.children.length > 0;
  judge(of("service-").map(({ row }) => row));
}

function keep(keys) {
  const there = keys.map((key) => [key, rows.get(key)]);
  rows.clear();
  for (const [key, row] of there) rows.set(key, row);
}

/** By number: the oldest first. */
function of(kind) {
  const number = ({ key }) => Number(key.slice(kind.length));
  const found = [...rows].filter(([key]) => key.startsWith(kind)).map(([key, row]) => ({ key, row }));
  return found.sort((one, other) => number(one) - number(other));
}

// What did not change stays untouched; what did is marked, once the page has been drawn before.
function draw(list, rows, make) {
  const drawn = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const items = rows.map(({ key, row }) => {
    const said = JSON.stringify(row);
    const old = drawn.get(key);
    if (old?.said === said) {
      delete old.dataset.new;
      return old;
    }
    const item = make(row);
    Object.assign(item.dataset, { key, state: row.state });
    item.said = said;
    if (page.drawn) item.dataset.new = "";
    return item;
  });
  list.replaceChildren(...items);
}

function service(row) {
  return element("li", {}, span("name", row.name), " ", span("state", row.says));
}

function incident(row) {
  const what = element("p", {}, element("strong", {}, row.service), ": ", span("state", row.says));
  const text = row.text ? [element("p", {}, row.text)] : [];
  const when = element("time", { dateTime: row.at }, day(row.at));
  return element("li", {}, what, ...text, element("p", { className: "hint" }, when, `, ${row.by}`));
}

function judge(rows) {
  const broken = rows.filter(({ state }) => state !== "working");
  const latest = rows.map(({ at }) => at).sort().at(-1);
  const said = broken.map(({ name, says }) => `${name}: ${says.toLowerCase()}`).join(", ");
  const verdict = broken.length ? `${said}.` : "All services are working.";
  const place = page.querySelector("[data-verdict]");
  if (place.textContent !== verdict) place.textContent = verdict;
  page.querySelector("[data-changed]").textContent = latest ? `Last change: ${day(latest)}` : "";
  page.drawn = true;
}

function day(iso) {
  return new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

function tell(state, text) {
  const place = page.querySelector("[data-live]");
  if (place.dataset.live === state) return;
  place.dataset.live = state;
  place.textContent = text;
}

function span(className, text) {
  return element("span", { className }, text);
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

void follow();
