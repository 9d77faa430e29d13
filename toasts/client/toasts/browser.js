/**
 * This browser's toasts in this tab: the store, fed by the connection if this tab leads, else by the tab
 * that does. Tabs that lead tell the rest what they hear; every tab tells the rest what its user did.
 *
 * Every message says whose toasts its sender has (`_who`: undefined as long as that is not known, "" for
 * nobody), and whether it has the focus. A tab that never heard who its user is asks the server before it
 * believes another tab.
 */

import { acknowledge } from "./ack.js";
import * as connection from "./connection.js";
import { on, tell } from "../shared/dom.js";
import { forget, openStorage, prune, remember, rememberFor } from "./memory.js";
import { poll } from "./poll.js";
import { changed, heed } from "./presence.js";
import { clear, others, put, remove } from "./store.js";
import * as tabs from "./tabs.js";
import { readToast } from "./wire.js";

/** Milliseconds at least between two questions whose page this is. */
const VERIFY = 1_000;
/** Questions: is the leader well; and, of who looks or has learnt whose it is, what is active. */
export const WELL = 1;
const WHOLE = 2;

let who;
export let state = "connecting"; // of whoever leads
let verified = 0;
let away = true;
let onState;

/** To the other tabs. */
export const say = (message) =>
  tabs.channel?.postMessage({
    _tab: tabs.me, _leads: tabs.leading, _who: who, _state: state, _focus: document.hasFocus(), ...message,
  });

/** Here and in the other tabs. */
function change(message) {
  say(message);
  if (message._ids) prune(message._ids);
  apply(message);
}

function apply({ _put = [], _ids, _gone, _left, _reason }) {
  put(_put.map(readToast), _ids);
  if (_gone) {
    forget(_gone);
    remove(_gone, "remote");
  }
  if (_left) {
    // Not from storage alone, which may be full, and is slower than this message.
    if (_reason === "user" && tabs.leading) for (const id of _left) remember({ id }, true);
    remove(_left, _reason === "user" ? "remote" : _reason);
  }
  // Not all of it is on a screen, but a bell counts that, too.
  if (_put[0] || _ids || _gone) tell("sync");
  if (tabs.leading) acknowledge();
}

/** Toasts leave this page by its "user" or by their time ("timeout"), and so all tabs. */
export function leave(ids, reason) {
  const gone = remove(ids, reason).filter(({ local }) => !local);
  for (const toast of gone) remember(toast, reason === "user");
  if (gone[0]) change({ _left: gone.map(({ id }) => id), _reason: reason });
}

/**
 * From now on these are the toasts of somebody else.
 * @param state a name of the server's: it begins with what stands for its owner, and says no more than
 *   that two are the same. "": nobody's.
 */
function become(state, reason = "signed-out") {
  const owner = state?.split(".")[0];
  if (owner === who) return;
  clear(reason);
  rememberFor((who = owner));
}

function show(next) {
  state = next;
  onState(state, tabs.leading);
  if (tabs.leading) say();
}

/** This tab leads now, or no longer does. */
export function turn() {
  if (tabs.leading) {
    show("connecting");
    connection.start({ _show: show, _change: change, _become: become });
  } else {
    connection.stop();
    onState(state, false);
  }
}

export function hear(message) {
  heed(message._tab, message._focus);
  if (message._ask) answer(message);
  else if (message._who !== who) meet(message);
  else {
    if (message._leads && !tabs.leading) show(message._state);
    apply(message);
  }
}

function answer(message) {
  const whole = message._ask === WHOLE;
  if (whole && document.hasFocus()) say();
  if (!tabs.leading) return;
  if (!whole) connection.tick();
  else if ([undefined, who].includes(message._who)) connection.wake();
  else {
    become();
    connection.restart();
  }
  say(whole && who !== undefined && everything());
}

function everything() {
  const all = others([]).reverse();
  return { _put: all, _ids: all.map(({ id }) => id) };
}

/** The toasts of the leader, if it is one, are not known to be ours. */
function meet(message) {
  if (!message._leads || tabs.leading) return;
  if (message._who === undefined) show(message._state);
  else if (message._who || who === undefined) verify();
  else {
    become("");
    show("signed-out");
  }
}

async function verify() {
  become();
  const now = Date.now();
  if (now - verified < VERIFY) return;
  verified = now;
  const found = await poll();
  if (tabs.leading || !(found._out || found._toasts)) return;
  become(found._out ? "" : found._cursor);
  say({ _ask: WHOLE });
}

/** The network or the user is back. */
function wake() {
  if (tabs.leading) {
    connection.wake();
    acknowledge();
  } else say({ _ask: WHOLE });
}

function look({ type }) {
  changed();
  say();
  if (type > "g" && !document.hidden) wake(); // not of a blur or focus
}

function begin() {
  if (!away) return;
  away = false;
  tabs.start();
  say({ _ask: WELL });
}

function suspend() {
  connection.stop();
  tabs.stop();
  // A page restored later may belong to somebody else by then: it starts empty.
  become(undefined, "suspended");
  away = true;
}

/** @param listener called as (state, leads): the state of whoever leads, and whether this tab does. */
export function start(listener) {
  onState = listener;
  openStorage();
  on(window, "pagehide", suspend);
  on(window, "pageshow", begin);
  on(window, "online", wake);
  on(window, "offline", () => tabs.leading && state !== "signed-out" && connection.restart());
  on(window, "focus blur", look);
  on(document, "visibilitychange", look);
  begin();
}

/** The page was swapped: whoever was signed out may be signed in now. */
export function startAgain() {
  if (state !== "signed-out") return;
  if (tabs.leading) connection.restart();
  else verify();
}
