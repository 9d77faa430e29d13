/**
 * This browser's toasts in this tab: the store, fed by the connection if this tab leads, else by the tab
 * that does. Tabs that lead tell the rest what they hear; every tab tells the rest what its user did.
 *
 * Every message says whose toasts its sender has (`_who`: null as long as that is not known, "" for
 * nobody), and whether it has the focus. A tab that never heard who its user is asks the server before it
 * believes another tab.
 */

import { acknowledge } from "./ack.js";
import * as connection from "./connection.js";
import { on, tell } from "./dom.js";
import { forget, openStorage, prune, remember, rememberFor } from "./memory.js";
import { poll } from "./poll.js";
import { heed } from "./presence.js";
import { put, remove, replace } from "./store.js";
import * as tabs from "./tabs.js";
import { readToast } from "./wire.js";

/** Milliseconds at least between two questions whose page this is. */
const VERIFY = 1_000;
/** The question for all that is active. */
const WHOLE = { _ask: true, _whole: true };

let who = null;
let state = "connecting"; // of whoever leads
let verified = 0;
let away = true;
let onState;

export const stateNow = () => state;

const say = (message) =>
  tabs.send({ _leads: tabs.leads(), _who: who, _state: state, _focus: document.hasFocus(), ...message });

/** Here and in the other tabs. */
function change(message) {
  say(message);
  apply(message);
}

const read = (raws) => raws.map(readToast).filter(Boolean);

function apply({ _all, _put, _gone, _left, _reason }) {
  if (_all) {
    prune(_all.map(({ id }) => `${id}`));
    replace(read(_all));
  }
  if (_put) put(read(_put));
  if (_gone) {
    forget(_gone);
    remove(_gone, "remote");
  }
  if (_left) {
    // Not from storage alone, which may be full, and is slower than this message.
    if (_reason === "user" && tabs.leads()) for (const id of _left) remember({ id }, true);
    remove(_left, _reason === "user" ? "remote" : _reason);
  }
  // Not all of it is on a screen, but a bell counts that, too.
  if (_all || _put || _gone) tell("sync");
  if (tabs.leads()) acknowledge();
}

/** Toasts leave this page by its "user" or by their time ("timeout"), and so all tabs. */
export function leave(ids, reason) {
  const gone = remove(ids, reason).filter(({ local }) => !local);
  for (const toast of gone) remember(toast, reason === "user");
  if (gone[0]) change({ _left: gone.map(({ id }) => id), _reason: reason });
}

/** From now on these are the toasts of somebody else. */
function become(owner, reason = "signed-out") {
  if (owner === who) return;
  replace([], reason);
  rememberFor((who = owner));
}

function show(next) {
  state = next;
  onState(state, tabs.leads());
  if (tabs.leads()) say();
}

/** This tab leads now, or no longer does. */
function turn(leads) {
  if (leads) {
    show("connecting");
    connection.start({ _show: show, _change: change, _become: become });
  } else {
    connection.stop();
    onState(state, false);
  }
}

function hear(message) {
  heed(message._tab, message._focus);
  if (message._ask) answer(message);
  else if (message._who !== who) meet(message);
  else {
    if (message._leads && !tabs.leads()) show(message._state);
    apply(message);
  }
}

/** @param message._whole that the sender wants all, because somebody looks at it or it learnt whose it is. */
function answer({ _who, _whole }) {
  if (_whole && document.hasFocus()) say();
  if (!tabs.leads()) return;
  if (!_whole) connection.tick();
  else if ([null, who].includes(_who)) connection.wake();
  else {
    become(null);
    connection.restart();
  }
  say(_whole && who !== null && { _all: connection.active() });
}

/** The toasts of the leader, if it is one, are not known to be ours. */
async function meet({ _leads, _who, _state }) {
  if (!_leads || tabs.leads()) return;
  if (_who === null) return show(_state);
  if (_who === "" && who !== null) {
    become("");
    return show("signed-out");
  }
  become(null);
  const now = Date.now();
  if (now - verified < VERIFY) return;
  verified = now;
  const found = await poll();
  if (tabs.leads() || !(found._out || found._toasts)) return;
  become(found._out ? "" : found._who);
  say(WHOLE);
}

/** The network or the user is back. */
function wake() {
  if (tabs.leads()) {
    connection.wake();
    acknowledge();
  } else say(WHOLE);
}

function begin() {
  if (!away) return;
  away = false;
  tabs.start({ _turn: turn, _hear: hear, _say: say });
  say({ _ask: true });
}

function suspend() {
  connection.stop();
  tabs.stop();
  // A page restored later may belong to somebody else by then: it starts empty.
  become(null, "suspended");
  away = true;
}

/** @param listener called as (state, leads): the state of whoever leads, and whether this tab does. */
export function start(listener) {
  onState = listener;
  openStorage();
  on(window, "pagehide", suspend);
  on(window, "pageshow", begin);
  on(window, "online", wake);
  on(window, "offline", () => tabs.leads() && state !== "signed-out" && connection.restart());
  on(window, "focus blur", () => say());
  on(document, "visibilitychange", () => {
    say();
    if (!document.hidden) wake();
  });
  begin();
}

/** The page was swapped: whoever was signed out may be signed in now. */
export function startAgain() {
  if (state !== "signed-out") return;
  if (tabs.leads()) connection.restart();
  else meet({ _leads: true });
}
