/**
 * A feed in the page: its rows, kept as they are on the server, over whichever transport the page can
 * have. `toastFeeds.open(url, options)`; docs/reference/feeds.md says it all.
 */

import { createBackoff } from "../shared/backoff.js";
import { openPoll, openSocket, openStream } from "./links.js";

const LINKS = { sse: openStream, websocket: openSocket, poll: openPoll };
/** Milliseconds within which pages come back after a goodbye, each at its own time. */
const RETURN = { restart: 5_000, rotate: 1_000, auth: 1_000, superseded: 60_000 };
/** After so many milliseconds of polling a better transport is tried again. */
const TRY_BETTER = 300_000;
const REPLY_WITHIN = 30_000;

export function openFeed(address, options, world) {
  const { transports = ["sse", "websocket", "poll"], onEvent, onChange, onRemove, onSync, onState } = options;
  const origin = options.origin ?? world.uuid();
  const backoff = createBackoff(world);
  const waiting = new Map();
  let rows = new Map();
  let link = null;
  let timer = null;
  let choice = 0;
  let cursor = "";
  let token = "";
  let refs = 0;
  let state = "connecting";
  let since = 0;
  let run = 0;

  const unknown = transports.filter((name) => !LINKS[name]);
  if (unknown.length || !transports.length) throw new TypeError(`No such transport: ${unknown}`);

  function url(parameters = {}) {
    const found = new URL(address, world.base());
    // Of a state in which there is something that this page only knows to have written, no cursor: it is
    // to come whole.
    const all = { origin, token, cursor: [...rows.values()].includes(null) ? "" : cursor, ...parameters };
    for (const [name, value] of Object.entries(all)) if (value) found.searchParams.set(name, value);
    return found.href;
  }

  function set(next) {
    if (next === state) return;
    state = next;
    onState?.(next);
  }

  async function connect(once = false) {
    world.clear(timer);
    const mine = ++run;
    if (options.token) token = await Promise.resolve(typeof options.token === "function" ? options.token() : options.token).catch(() => "");
    if (mine !== run) return; // closed, or connected anew, meanwhile
    since = world.now();
    const open = once ? openPoll : LINKS[transports[choice]];
    link = open({ url, world, once, onEvent: take, onDown: ({ up, refused }) => down(up, refused, once) });
  }

  function down(up, refused, once) {
    link = null;
    fail();
    if (refused) return set("refused");
    if (up && !once) {
      backoff.reset();
      return again(backoff.next());
    }
    if (once) return again(backoff.next());
    choice = (choice + 1) % transports.length;
    // When none is left, one plain question: its status tells what no EventSource does.
    if (choice === 0) connect(true);
    else connect();
  }

  function again(delay) {
    if (state !== "refused") set("connecting");
    timer = world.set(connect, delay);
  }

  function take(envelope) {
    const { event, data, id, ref } = envelope;
    if (event === "reply" || event === "error") return settle(event, data, ref);
    if (event === "bye") return leave(data.reason);
    set("connected");
    if (id) cursor = id === "changed" ? "" : id;
    onEvent?.(envelope);
    if (event === "change") change(data);
    if (event === "own") rows.set(data.key, null);
    if (event === "remove") data.keys.forEach((key) => remove(key, data.action));
    if (event === "sync") sync(data.keys);
    if (transports[choice] === "poll" && choice && world.now() - since > TRY_BETTER) better();
  }

  function better() {
    choice = 0;
    link?.close();
    connect();
  }

  function change({ key, row, action }) {
    const known = rows.get(key);
    const isNew = !rows.has(key);
    rows.set(key, row);
    if (!isNew && JSON.stringify(known) === JSON.stringify(row)) return;
    // What this page wrote itself it shows already; some feeds' servers do not tell it in the first place.
    if (action !== "SELECT" && row?.origin === origin) return;
    onChange?.(key, row, action, known);
  }

  function remove(key, action) {
    if (!rows.has(key)) return;
    const row = rows.get(key);
    rows.delete(key);
    onRemove?.(key, row, action);
  }

  function sync(keys) {
    const there = new Set(keys);
    for (const key of [...rows.keys()]) if (!there.has(key)) remove(key);
    rows = new Map(keys.filter((key) => rows.has(key)).map((key) => [key, rows.get(key)]));
    onSync?.(rows);
  }

  function leave(reason) {
    link?.close();
    link = null;
    fail();
    again(world.random() * (RETURN[reason] ?? 1_000));
  }

  function settle(event, data, ref) {
    const promise = waiting.get(ref);
    waiting.delete(ref);
    if (!promise) return;
    world.clear(promise.timer);
    if (event === "reply") promise.resolve(data);
    else promise.reject(failure(data));
  }

  function fail() {
    for (const ref of [...waiting.keys()]) settle("error", { detail: ["The connection was lost."] }, ref);
  }

  function send(data) {
    const ref = ++refs;
    if (!link?.send?.({ data, ref })) return post(data);
    return new Promise((resolve, reject) => {
      const late = () => settle("error", { detail: ["No answer came."] }, ref);
      waiting.set(ref, { resolve, reject, timer: world.set(late, REPLY_WITHIN) });
    });
  }

  async function post(data) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": options.csrf ?? world.csrf() };
    const response = await world.fetch(url({ cursor: "" }), { method: "POST", headers, body: JSON.stringify(data) });
    const answer = await response.json().catch(() => ({ detail: [`HTTP ${response.status}`] }));
    if (!response.ok) throw failure(answer);
    return answer;
  }

  connect();
  return {
    send,
    close() {
      run++;
      world.clear(timer);
      link?.close();
      link = null;
      fail();
      set("closed");
    },
    /** The network is back: look now instead of when the timer says. */
    wake() {
      if (!link && state === "connecting") connect();
    },
    origin,
    get rows() {
      return rows;
    },
    get state() {
      return state;
    },
    get transport() {
      return transports[choice];
    },
  };
}

/** An Error with the server's reasons, by field. */
function failure(errors) {
  return Object.assign(new Error(Object.values(errors).flat().join(" ")), { errors });
}
