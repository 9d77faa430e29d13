// The board: a table of the feed's rows, over the transport and by the right that are chosen.

import { quietly } from "./quietly.js";

const WIRE = 6; // events that are kept on the page
const SEEN = 1200; // milliseconds for which a deleted order is shown as such
const STATES = { connected: "live", connecting: "connecting", refused: "ended", closed: "off" };
const find = (selector) => document.querySelector(selector);
const board = find("[data-board]");
const body = board.tBodies[0];
const light = find("[data-live]");
const wire = find("[data-wire]");
const switches = find("[data-switches]");
const empty = find("[data-empty]");
const place = find("[data-news]");
const news = place
  ? quietly(place, (count) => (count === 1 ? "One new order." : `${count} new orders.`))
  : () => {}; // the staff hears a toast

const lines = new Map(); // of the table, by key
let complete = false; // whether all that was there at first has come
let feed = null;

function change(key, row) {
  const line = lineOf(key, row);
  if (complete) line.dataset.fresh = "";
  if (lines.has(key)) lines.get(key).replaceWith(line);
  else {
    // By number: what commits later may have a lower one.
    body.insertBefore(line, [...body.rows].find((other) => Number(other.dataset.key) < key) ?? null);
    if (complete) news();
  }
  lines.set(key, line);
  empty.hidden = true;
}

function remove(key, row, action) {
  const line = lines.get(key);
  lines.delete(key);
  if (line && action === "DELETE") {
    line.dataset.gone = "";
    setTimeout(() => leave(line), SEEN);
  } else leave(line);
}

function leave(line) {
  line?.remove();
  empty.hidden = lines.size > 0;
}

function sync(rows) {
  for (const key of [...lines.keys()]) if (!rows.has(key)) remove(key);
  complete = true;
  empty.hidden = lines.size > 0;
}

function lineOf(key, { product, price, quantity, note, customer, created_at }) {
  const line = document.createElement("tr");
  line.dataset.key = key;
  const number = cell(key, "number", "th");
  number.scope = "row";
  const what = cell(product);
  if (note) what.append(noteOf(note));
  const when = document.createElement("time");
  when.dateTime = created_at;
  when.textContent = new Date(created_at).toLocaleTimeString([], { hourCycle: "h23" });
  const time = cell("", "wide");
  time.append(when);
  line.append(
    number, what, cell(quantity, "number"), cell(price, "number"),
    cell((price * quantity).toFixed(2), "number wide"), ...names(customer), time,
  );
  return line;
}

/** Whose it is says something only to those who see more than their own. */
function names(customer) {
  return "names" in board.dataset ? [cell(customer || "cash")] : [];
}

function cell(text, kind = "", name = "td") {
  const made = document.createElement(name);
  made.className = kind;
  made.textContent = text;
  return made;
}

function noteOf(note) {
  const small = document.createElement("small");
  const more = note.length > 40 ? `… (${note.length.toLocaleString()} characters)` : "";
  small.textContent = note.slice(0, 40) + more;
  return small;
}

function log({ event, data }) {
  if (event === "ping") return;
  for (const [kind, what, row] of said(event, data)) {
    const line = document.createElement("li");
    line.append(element("b", kind), ` ${what} `, ...(row ? [element("span", row)] : []));
    wire.prepend(line);
  }
  while (wire.children.length > WIRE) wire.lastChild.remove();
}

function element(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}

/** What an event says, for each row: the action, the table and the key, the row itself. */
function said(event, { table, action, key, row, keys, rows }) {
  if (event === "change") return [[action, `${table} #${key}`, shortly(row)]];
  if (event === "remove") return keys.map((key, at) => [action, `${table} #${key}`, shortly(rows?.[at])]);
  return [[event, `${keys?.length ?? 0} rows`]];
}

function shortly(row) {
  const text = row ? JSON.stringify(row) : "";
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

async function token() {
  const form = find("[data-token]");
  const response = await fetch(form.dataset.token, { method: "POST", body: new FormData(form) });
  return (await response.json()).token;
}

function connect() {
  const { over, by } = Object.fromEntries(new FormData(switches));
  feed?.close();
  feed = null;
  complete = false;
  if (over === "off") return;
  feed = toastFeeds.open(board.dataset.feed, {
    transports: [over],
    token: by === "token" ? token : "",
    onChange: change,
    onRemove: remove,
    onSync: sync,
    onEvent: log,
    onState: (state) => (light.dataset.live = light.textContent = STATES[state]),
  });
}

switches.addEventListener("change", connect);
connect();
