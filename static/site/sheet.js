// The shared sheet. It sends edits and heartbeats, and shows everybody's cells and names.

import { Cell, makeElement } from "./sheet-cell.js";

const HEARTBEAT_INTERVAL = 5000; // milliseconds between two heartbeats of this tab
const TIMER_TOLERANCE = 500; // milliseconds by which a timer may fire too early
const TRANSPORT_TEXTS = {
  sse: "Live, by event stream",
  websocket: "Live, by WebSocket",
  poll: "Live, by poll",
};

const sheet = document.querySelector("[data-sheet]");
const cells = new Map(); // by key
for (const input of sheet.querySelectorAll("[data-cell]")) {
  cells.set(input.dataset.cell, new Cell(input, (data) => feed.send(data)));
}

// The connection. It gives the server a name for this tab (`origin`), so that the server doesn't
// send back what this tab wrote.

let feed = null;

function connect() {
  feed?.close();
  const transport = sheet.querySelector("[name=transport]:checked").value;
  feed = window.toastFeeds.open(sheet.dataset.feed, {
    origin: feed?.origin,
    transports: [transport, "poll"],
    onChange: (key, row, action) =>
      cells.has(key) ? updateCell(key, row, action) : addVisitor(key, row, action),
    onRemove: removeVisitor,
    onSync: finishSync,
    onState: showState,
    onEvent: () => sendHeartbeatAfter(HEARTBEAT_INTERVAL),
  });
}

function updateCell(key, row, action) {
  const cell = cells.get(key);
  const isShown = cell.receive(row);
  if (isShown && action === "UPDATE") {
    announce(`${row.by} changed ${cell.label()}, row ${key.split("-")[0]}`);
  }
}

function finishSync(rows) {
  for (const key of [...visitors.keys()]) {
    if (!rows.has(key)) removeVisitor(key);
  }
  sendHeartbeat();
  // Save the edits that couldn't be saved while there was no connection.
  for (const cell of cells.values()) {
    if (cell.state === "unsaved") void cell.save();
  }
}

function showState(state) {
  if (state === "refused") location.reload(); // signed out: the login page follows
  const isConnected = state === "connected";
  const place = sheet.querySelector("[data-live]");
  place.dataset.live = isConnected ? "live" : state;
  place.textContent = isConnected ? TRANSPORT_TEXTS[feed.transport] : "Connecting";
}

// The visitors: all users who have the sheet open.

const visitors = new Map(); // names by key
let lastHeartbeat = 0; // milliseconds, as of Date.now()

function addVisitor(key, { name }, action) {
  visitors.set(key, name);
  drawVisitors();
  if (action === "INSERT" && !isMe(key)) announce(`${name} is here`);
}

function removeVisitor(key) {
  if (visitors.has(key)) announce(`${visitors.get(key)} has left`);
  visitors.delete(key);
  drawVisitors();
}

function drawVisitors() {
  const items = [...visitors].map(([key, name]) => {
    const text = isMe(key) ? `${name} (you)` : `${name} is here`;
    const item = makeElement("li", { className: isMe(key) ? "me" : "" }, text);
    item.dataset.initial = name[0];
    return item;
  });
  sheet.querySelector("[data-people]").replaceChildren(...items);
}

function isMe(key) {
  return key === `here-${sheet.dataset.me}`;
}

/** Browsers slow down the timers of a background tab. There the stream's pings call this, too. */
function sendHeartbeatAfter(interval) {
  if (Date.now() - lastHeartbeat > interval) sendHeartbeat();
}

function sendHeartbeat() {
  lastHeartbeat = Date.now();
  feed.send({ here: true }).catch(() => {}); // the next heartbeat makes up for a lost one
}

/** Sends a request that is completed even though the page closes. */
function sendLeave() {
  const headers = {
    "Content-Type": "application/json",
    "X-CSRFToken": sheet.querySelector("[name=csrfmiddlewaretoken]").value,
  };
  const body = JSON.stringify({ here: false });
  const url = `${sheet.dataset.feed}?origin=${feed.origin}`;
  fetch(url, { method: "POST", headers, body, keepalive: true }).catch(() => {});
}

/** Has a screen reader read the text. */
function announce(text) {
  sheet.querySelector("[data-announcement]").textContent = text;
}

// The keyboard. Up and down move within the column. Left and right move to the next cell from the
// start or the end of the text, or if all of it is selected.

sheet.addEventListener("keydown", (event) => {
  const input = event.target.closest("[data-cell]");
  if (!input || event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  const direction = directionOf(event, input);
  const neighbour = direction && findNeighbour(input, ...direction);
  if (!neighbour) return; // in the last row, Enter only saves
  event.preventDefault();
  neighbour.focus();
  neighbour.select();
});

/** Returns how many rows down and columns right the key moves, or null if it doesn't. */
function directionOf({ key, shiftKey }, { selectionStart, selectionEnd, value }) {
  if (key === "Enter") return shiftKey ? [-1, 0] : [1, 0];
  if (shiftKey) return null;
  const allSelected = selectionStart === 0 && selectionEnd === value.length;
  const nothingSelected = selectionStart === selectionEnd;
  const isAtStart = nothingSelected && selectionStart === 0;
  const isAtEnd = nothingSelected && selectionEnd === value.length;
  if (key === "ArrowUp") return [-1, 0];
  if (key === "ArrowDown") return [1, 0];
  if (key === "ArrowLeft" && (allSelected || isAtStart)) return [0, -1];
  if (key === "ArrowRight" && (allSelected || isAtEnd)) return [0, 1];
  return null;
}

function findNeighbour(input, down, right) {
  const tableRows = [...sheet.querySelectorAll("tbody tr:not(.cell-note)")];
  const grid = tableRows.map((tableRow) => [...tableRow.querySelectorAll("[data-cell]")]);
  const rowIndex = grid.findIndex((inputs) => inputs.includes(input));
  const columnIndex = grid[rowIndex].indexOf(input);
  return grid[rowIndex + down]?.[columnIndex + right];
}

for (const choice of sheet.querySelectorAll("[name=transport]")) {
  choice.addEventListener("change", connect);
}
setInterval(() => sendHeartbeatAfter(HEARTBEAT_INTERVAL - TIMER_TOLERANCE), HEARTBEAT_INTERVAL);
addEventListener("pagehide", sendLeave);
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) sendHeartbeat(); // the page came back from the back/forward cache
});
connect();
