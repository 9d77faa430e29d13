// The board: a table of what the feed says, over the transport and by the right that are chosen.

import { quietly } from "./quietly.js";
import * as transports from "./transports.js";

const WIRE = 10; // events that are kept on the page
const find = (selector) => document.querySelector(selector);
const board = find("[data-board]");
const body = board.tBodies[0];
const light = find("[data-live]");
const wire = find("[data-wire]");
const switches = find("[data-switches]");
const place = find("[data-news]");
const news = place
  ? quietly(place, (count) => (count === 1 ? "One new order." : `${count} new orders.`))
  : () => {};

const rows = new Map(); // by key: what is told of it, and where it stands
let complete = false; // whether all that was there at first has come
let close = () => {};

const handlers = {
  change({ key, row }) {
    const told = JSON.stringify(row);
    const known = rows.get(key);
    if (known?.told === told) return; // a poll tells all again
    const line = lineOf(key, row);
    if (complete) line.dataset.fresh = "";
    if (known) known.line.replaceWith(line);
    else body.prepend(line);
    rows.set(key, { told, line });
    if (complete && !known) news();
  },
  remove({ keys }) {
    for (const key of keys) {
      rows.get(key)?.line.remove();
      rows.delete(key);
    }
  },
  sync({ keys }) {
    const there = new Set(keys);
    handlers.remove({ keys: [...rows.keys()].filter((key) => !there.has(key)) });
    complete = true;
  },
};

function event(name, data) {
  handlers[name]?.(data);
  find("[data-empty]").hidden = rows.size > 0;
  log(name, data);
}

function lineOf(key, { product, price, quantity, note, customer, created_at }) {
  const line = document.createElement("tr");
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

function log(name, data) {
  const line = document.createElement("li");
  const text = JSON.stringify(data);
  const kind = document.createElement("b");
  kind.textContent = data.action ?? name;
  line.append(kind, " ", text.slice(0, 300));
  line.dataset.event = name;
  wire.prepend(line);
  while (wire.children.length > WIRE) wire.lastChild.remove();
}

function state(name) {
  if (light.dataset.live !== name) light.dataset.live = light.textContent = name;
}

/* What is chosen. */

async function address(by, cursor, parameters) {
  const url = new URL(board.dataset.feed, location.href);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  if (cursor) url.searchParams.set("cursor", cursor);
  if (by === "token") url.searchParams.set("token", await token());
  return url.href;
}

async function token() {
  const form = find("[data-token]");
  const response = await fetch(form.dataset.token, { method: "POST", body: new FormData(form) });
  return (await response.json()).token;
}

function connect() {
  close();
  close = () => {};
  const { over, by } = Object.fromEntries(new FormData(switches));
  if (over === "off") return state("off");
  const url = (cursor, parameters = {}) => address(by, cursor, parameters);
  close = transports[over](url, { event, state });
}

switches.addEventListener("change", connect);
connect();
