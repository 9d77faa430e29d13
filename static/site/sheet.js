// The shared sheet: cells up, everybody's cells and names down.

import { Cell, element } from "./sheet-cell.js";
import { Line } from "./sheet-line.js";

const BEAT = 5000; // milliseconds between two times that this tab says that it is here

const sheet = document.querySelector("[data-sheet]");
const people = new Map();
// Names this tab to the server, so that it is not told what it wrote itself.
const tab = [...crypto.getRandomValues(new Uint8Array(12))]
  .map((byte) => byte.toString(16).padStart(2, "0"))
  .join("");
let line = null;
let beaten = 0;

const cells = new Map();
for (const input of sheet.querySelectorAll("[data-cell]")) {
  cells.set(input.dataset.cell, new Cell(input, (data) => line.send(data)));
}

function hear(event, data) {
  if (event === "change") changed(data);
  if (event === "remove") data.keys.forEach(left);
  if (event === "sync") synced(data.keys);
  if (Date.now() - beaten > BEAT) beat();
}

function changed({ key, action, row }) {
  const cell = cells.get(key);
  if (!cell) return arrived(key, row, action);
  if (cell.told(row, row.tab === tab) && action === "UPDATE") {
    say(`${row.by} changed ${cell.label()}, row ${key.split("-")[0]}`);
  }
}

function synced(keys) {
  for (const key of [...people.keys()]) if (!keys.includes(key)) left(key);
  tell("on", "Live");
  beat();
  // What could not be saved while there was no connection.
  for (const cell of cells.values()) {
    if (cell.place.dataset.cellState === "unsaved") void cell.save();
  }
}

// Who is here.

function arrived(key, { name }, action) {
  if (people.get(key) === name) return;
  people.set(key, name);
  drawPeople();
  if (action === "INSERT" && !isMe(key)) say(`${name} is here`);
}

function left(key) {
  if (!people.has(key)) return;
  say(`${people.get(key)} has left`);
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

function beat() {
  beaten = Date.now();
  line.send({ here: true }).catch(() => {}); // the next one will say it
}

// Keys: up and down go through the column, left and right on from the ends of the text.

sheet.addEventListener("keydown", (event) => {
  const input = event.target.closest("[data-cell]");
  if (!input || event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  const step = direction(event, input);
  if (!step) return;
  const next = neighbour(input, ...step);
  if (event.key === "Enter" && !next) return; // in the last row it only saves
  event.preventDefault();
  next?.focus();
  next?.select();
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

// The connection.

function tell(state, text) {
  const place = sheet.querySelector("[data-live]");
  place.dataset.live = state;
  place.querySelector("[data-live-text]").textContent = text;
}

function say(text) {
  sheet.querySelector("[data-say]").textContent = text;
}

function open() {
  line?.close();
  tell("connecting", "Connecting");
  line = new Line(sheet, tab, {
    hear,
    lost: () => tell("off", "No connection; trying again"),
  });
}

for (const choice of sheet.querySelectorAll("[name=transport]")) {
  choice.addEventListener("change", open);
}
setInterval(() => {
  if (Date.now() - beaten > BEAT - 500) beat();
}, BEAT);
addEventListener("pagehide", () => line.leave());
addEventListener("pageshow", ({ persisted }) => persisted && open());
open();
