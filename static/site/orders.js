// The order board: a table of the feed's rows, over the chosen transport and kind of access.

import { debouncedStatus } from "./debounced-status.js";

const LOGGED_EVENTS_MAX = 6;
const LOGGED_ROW_MAX = 300; // characters
const NOTE_MAX = 40; // characters
const DELETED_ROW_TIME = 1200; // milliseconds for which a deleted order stays, crossed out
const STATES = { connected: "live", connecting: "connecting", refused: "ended", closed: "off" };

const find = (selector) => document.querySelector(selector);
const board = find("[data-board]");
const tableBody = board.tBodies[0];
const connectionState = find("[data-live]");
const eventLog = find("[data-wire]");
const switches = find("[data-switches]");
const emptyNote = find("[data-empty]");
const announceOrder = makeAnnouncer();

const tableRows = new Map(); // by the order's key
let isComplete = false; // whether the rows that existed at first have arrived
let feed = null;

function makeAnnouncer() {
  const place = find("[data-news]");
  if (!place) return () => {}; // the staff gets toasts instead
  return debouncedStatus(place, (count) =>
    count === 1 ? "One new order." : `${count} new orders.`,
  );
}

// The rows.

function showOrder(key, order) {
  const tableRow = makeTableRow(key, order);
  if (isComplete) tableRow.dataset.fresh = "";
  if (tableRows.has(key)) {
    tableRows.get(key).replaceWith(tableRow);
  } else {
    insertByNumber(tableRow, key);
    if (isComplete) announceOrder();
  }
  tableRows.set(key, tableRow);
  emptyNote.hidden = true;
}

/** A transaction that commits later may hold an order with a lower number. */
function insertByNumber(tableRow, key) {
  const next = [...tableBody.rows].find((other) => Number(other.dataset.key) < key);
  tableBody.insertBefore(tableRow, next ?? null);
}

function removeOrder(key, order, action) {
  const tableRow = tableRows.get(key);
  tableRows.delete(key);
  if (tableRow && action === "DELETE") {
    tableRow.dataset.gone = "";
    setTimeout(() => removeTableRow(tableRow), DELETED_ROW_TIME);
  } else {
    removeTableRow(tableRow);
  }
}

function removeTableRow(tableRow) {
  tableRow?.remove();
  emptyNote.hidden = tableRows.size > 0;
}

function finishSync(orders) {
  for (const key of [...tableRows.keys()]) {
    if (!orders.has(key)) removeOrder(key);
  }
  isComplete = true;
  emptyNote.hidden = tableRows.size > 0;
}

function makeTableRow(key, { product, price, quantity, note, customer, created_at }) {
  const tableRow = document.createElement("tr");
  tableRow.dataset.key = key;
  const number = makeCell(key, "number", "th");
  number.setAttribute("scope", "row");
  const productCell = makeCell(product);
  if (note) productCell.append(makeNote(note));
  const timeCell = makeCell("", "wide");
  timeCell.append(makeTime(created_at));
  tableRow.append(
    number,
    productCell,
    makeCell(quantity, "number"),
    makeCell(price, "number"),
    makeCell((price * quantity).toFixed(2), "number wide"),
    ...makeBuyerCells(customer),
    timeCell,
  );
  return tableRow;
}

/** Only the staff has a column for the buyer: customers see no orders but their own. */
function makeBuyerCells(customer) {
  return "names" in board.dataset ? [makeCell(customer || "cash")] : [];
}

function makeCell(text, className = "", name = "td") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

function makeNote(note) {
  const rest = note.length > NOTE_MAX ? `… (${note.length.toLocaleString()} characters)` : "";
  return makeElement("small", note.slice(0, NOTE_MAX) + rest);
}

function makeTime(createdAt) {
  const text = new Date(createdAt).toLocaleTimeString([], { hourCycle: "h23" });
  return Object.assign(makeElement("time", text), { dateTime: createdAt });
}

function makeElement(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}

// The log of events.

function logEvent({ event, data }) {
  if (event === "ping") return;
  for (const [action, target, row] of describe(event, data)) {
    const item = document.createElement("li");
    item.append(makeElement("b", action), ` ${target} `);
    if (row) item.append(makeElement("span", row));
    eventLog.prepend(item);
  }
  while (eventLog.children.length > LOGGED_EVENTS_MAX) eventLog.lastChild.remove();
}

/** Returns for each row of an event its action, its table and key, and its content. */
function describe(event, { table, action, key, row, keys, rows }) {
  if (event === "change") return [[action, `${table} #${key}`, shortJson(row)]];
  if (event === "remove") {
    return keys.map((gone, index) => [action, `${table} #${gone}`, shortJson(rows?.[index])]);
  }
  return [[event, `${keys?.length ?? 0} rows`]];
}

function shortJson(row) {
  const text = row ? JSON.stringify(row) : "";
  return text.length > LOGGED_ROW_MAX ? `${text.slice(0, LOGGED_ROW_MAX)}…` : text;
}

// The connection.

async function fetchToken() {
  const form = find("[data-token]");
  const response = await fetch(form.dataset.token, { method: "POST", body: new FormData(form) });
  return (await response.json()).token;
}

function connect() {
  const { over: transport, by: access } = Object.fromEntries(new FormData(switches));
  feed?.close();
  feed = null;
  isComplete = false;
  if (transport === "off") return;
  feed = toastFeeds.open(board.dataset.feed, {
    transports: [transport],
    token: access === "token" ? fetchToken : "",
    onChange: showOrder,
    onRemove: removeOrder,
    onSync: finishSync,
    onEvent: logEvent,
    onState: showState,
  });
}

function showState(state) {
  connectionState.dataset.live = STATES[state];
  connectionState.textContent = STATES[state];
}

switches.addEventListener("change", connect);
connect();
