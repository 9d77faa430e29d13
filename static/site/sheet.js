// The shared sheet: cells up, everybody's cells and names down.

import { Cell, element } from "./sheet-cell.js";

const BEAT = 5000; // milliseconds between two times that this tab says that it is here
const LIVE = { sse: "Live, by event stream", websocket: "Live, by WebSocket", poll: "Live, by poll" };

const sheet = document.querySelector("[data-sheet]");
const cells = new Map();
for (const input of sheet.querySelectorAll("[data-cell]")) {
  cells.set(input.dataset.cell, new Cell(input, (data) => feed.send(data)));
}

// The connection. It names this tab to the server (`origin`), and is not told what the tab wrote.

let feed = null;

function open() {
  feed?.close();
  const chosen = sheet.querySelector("[name=transport]:checked").value;
  feed = window.toastFeeds.open(sheet.dataset.feed, {
    origin: feed?.origin,
    transports: [chosen, "poll"],
    onChange: (key, row, action) => (cells.has(key) ? told : arrived)(key, row, action),
    onRemove: left,
    onSync: synced,
    onState: tell,
    onEvent: () => Date.now() - beaten > BEAT && beat(),
  });
}

function told(key, row, action) {
  const cell = cells.get(key);
  if (cell.told(row) && action === "UPDATE") {
    say(`${row.by} changed ${cell.label()}, row ${key.split("-")[0]}`);
  }
}

function synced(rows) {
  for (const key of [...people.keys()]) if (!rows.has(key)) left(key);
  beat();
  // What could not be saved while there was no connection.
  for (const cell of cells.values()) if (cell.state === "unsaved") void cell.save();
}

function tell(state) {
  if (state === "refused") location.reload(); // signed out: the page asks for a sign-in
  const place = sheet.querySelector("[data-live]");
  place.dataset.live = state === "connected" ? "live" : state;
  place.textContent = state === "connected" ? LIVE[feed.transport] : "Connecting";
}

// Who is here.

const people = new Map();
let beaten = 0;

function arrived(key, { name }, action) {
  people.set(key, name);
  drawPeople();
  if (action === "INSERT" && !isMe(key)) say(`${name} is here`);
}

function left(key) {
  if (people.has(key)) say(`${people.get(key)} has left`);
  people.delete(key);
  drawPeople();
}

function drawPeople() {
  const items = [...people].map(([key, name]) => {
    const item = element("li", { className: isMe(key) ? "me" : "" });
    item.dataset.initial = name[0];
    item.append(isMe(key) ? `${name} (you)` : `${name} is here`);
    return item;
  });
  sheet.querySelector("[data-people]").replaceChildren(...items);
}

function isMe(key) {
  return key === `here-${sheet.dataset.me}`;
}

// Browsers let the timers of a tab in the background sleep: there, the stream's pings wake it.
function beat() {
  beaten = Date.now();
  feed.send({ here: true }).catch(() => {}); // the next one will say it
}

// Said by a request that outlives the page.
function leave() {
  const headers = {
    "Content-Type": "application/json",
    "X-CSRFToken": sheet.querySelector("[name=csrfmiddlewaretoken]").value,
  };
  const body = JSON.stringify({ here: false });
  const address = `${sheet.dataset.feed}?origin=${feed.origin}`;
  fetch(address, { method: "POST", headers, body, keepalive: true }).catch(() => {});
}

function say(text) {
  sheet.querySelector("[data-say]").textContent = text;
}

// Keys: up and down go through the column, left and right on from the ends of the text.

sheet.addEventListener("keydown", (event) => {
  const input = event.target.closest("[data-cell]");
  if (!input || event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  const step = direction(event, input);
  const next = step && neighbour(input, ...step);
  if (!next) return; // in the last row, Enter only saves
  event.preventDefault();
  next.focus();
  next.select();
});

function direction({ key, shiftKey }, { selectionStart, selectionEnd, value }) {
  if (key === "Enter") return shiftKey ? [-1, 0] : [1, 0];
  if (shiftKey) return null;
  const whole = selectionStart === 0 && selectionEnd === value.length;
  const caret = selectionStart === selectionEnd;
  if (key === "ArrowDown") return [1, 0];
  if (key === "ArrowUp") return [-1, 0];
  if (key === "ArrowRight" && (whole || (caret && selectionEnd === value.length))) return [0, 1];
  if (key === "ArrowLeft" && (whole || (caret && selectionStart === 0))) return [0, -1];
  return null;
}

function neighbour(input, down, right) {
  const rows = [...sheet.querySelectorAll("tbody tr:not(.cell-note)")];
  const grid = rows.map((row) => [...row.querySelectorAll("[data-cell]")]);
  const at = grid.findIndex((row) => row.includes(input));
  return grid[at + down]?.[grid[at].indexOf(input) + right];
}

for (const choice of sheet.querySelectorAll("[name=transport]")) {
  choice.addEventListener("change", open);
}
setInterval(() => Date.now() - beaten > BEAT - 500 && beat(), BEAT);
addEventListener("pagehide", leave);
addEventListener("pageshow", ({ persisted }) => persisted && beat());
open();
