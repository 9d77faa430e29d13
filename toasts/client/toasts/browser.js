/**
 * This browser's toasts in this tab: the store, fed by the connection if this tab leads, else by the tab
 * that does. The leading tab passes on the server's events; every tab passes on what its user did.
 *
 * Every message names the owner of its sender's toasts. A tab that does not yet know its owner asks the server
 * before it believes another tab.
 */

import { emit, listen } from "../shared/dom.js";
import { acknowledge } from "./ack.js";
import * as connection from "./connection.js";
import * as memory from "./memory.js";
import { poll } from "./poll.js";
import { presenceChanged, setFocusElsewhere } from "./presence.js";
import { clear, put, remove, serverToasts } from "./store.js";
import * as tabs from "./tabs.js";
import { readToasts, SENT } from "./wire.js";

/** @import { ConnectionState, Message, Reason, Update } from "./types.d.ts" */

/** Milliseconds between two questions to the server whose page this is, at least. */
const VERIFY_PAUSE = 1_000;

/** @type {string | undefined} */
let owner; // "" is nobody, undefined is not known
/** @type {ConnectionState} */
export let state = "connecting"; // of the leader
let verifiedAt = 0;
let isSuspended = true;
/** @type {(state: ConnectionState, leads: boolean) => void} */
let onState;

const describe = () => ({ owner, state, focused: document.hasFocus() });

/**
 * Apply an update here and in the other tabs.
 *
 * @param {Partial<Message>} update
 */
function share(update) {
  tabs.broadcast(update);
  if (update.activeIds) memory.keepActive(update.activeIds);
  apply(update);
}

/** @param {Partial<Message>} message */
function apply(message) {
  applyUpdate(message);
  if (message.leftIds && message.reason) applyLeft(message.leftIds, message.reason);
  if (tabs.isLeader) acknowledge();
}

/** @param {Update} update */
function applyUpdate({ toasts = [], activeIds, goneIds }) {
  put(readToasts(toasts), activeIds);
  if (goneIds) {
    memory.forgetInactive(goneIds);
    remove(goneIds, "remote");
  }
  // Not all of it is on a screen, but a bell counts that, too.
  if (toasts.length > 0 || activeIds || goneIds) emit("sync");
}

/**
 * Toasts left this screen, or that of another tab.
 *
 * @param {string[]} ids
 * @param {"user" | "timeout"} reason
 */
function applyLeft(ids, reason) {
  const gone = remove(ids, reason === "timeout" ? reason : "remote");
  // Not from storage alone, which may be full, and is slower than this message.
  if (tabs.isLeader && reason === "user") gone.forEach(memory.markDismissed);
}

/**
 * Take toasts off the screens of all tabs.
 *
 * @param {unknown[]} ids
 * @param {"user" | "timeout"} reason
 */
export function dismiss(ids, reason) {
  const removed = remove(ids, reason).filter(({ local }) => !local);
  if (removed.length === 0) return;
  for (const toast of removed) {
    if (reason === "user") memory.markDismissed(toast);
    else memory.markHidden(toast);
  }
  share({ leftIds: removed.map(({ id }) => id), reason });
}

/**
 * From now on the toasts are somebody's; those of somebody else go.
 *
 * @param {string} [stateName] the server's name of a state: it begins with a keyed hash of the owner. "": nobody's; none: not known
 * @param {Reason} [reason] why the others go
 */
function setOwner(stateName, reason = "signed-out") {
  const next = stateName?.split(".")[0];
  if (next === owner) return;
  clear(reason);
  owner = next;
  memory.rememberFor(owner);
}

/** @param {ConnectionState} next */
function setState(next) {
  state = next;
  onState(state, tabs.isLeader);
  if (tabs.isLeader) tabs.broadcast({});
}

function onLeadership() {
  if (tabs.isLeader) {
    setState("connecting");
    connection.start({ onState: setState, onOwner: setOwner, onUpdate: share });
  } else {
    connection.stop();
    onState(state, false);
  }
}

/** @param {Message} message */
function onMessage(message) {
  setFocusElsewhere(message.tab, message.focused);
  if (message.returned) connection.look();
  if (message.question) onQuestion(message);
  else if (message.owner !== owner) onUnknownOwner(message);
  else {
    if (message.leads && !tabs.isLeader) setState(message.state);
    apply(message);
  }
}

/** @param {Message} message */
function onQuestion(message) {
  if (message.question === "is-leader-well") {
    if (!tabs.isLeader) return;
    connection.tick();
    tabs.broadcast({});
  } else {
    if (document.hasFocus()) tabs.broadcast({});
    if (tabs.isLeader) onActiveQuestion(message);
  }
}

/** @param {Message} message from a tab that is looked at, or that has learnt its owner */
function onActiveQuestion(message) {
  if (message.owner === undefined || message.owner === owner) connection.wake();
  else {
    setOwner();
    connection.restart();
  }
  tabs.broadcast(owner === undefined ? {} : everything());
}

/** @returns {Update} */
function everything() {
  const toasts = serverToasts().reverse();
  return { toasts: toasts.map((toast) => toast[SENT]), activeIds: toasts.map(({ id }) => id) };
}

/** @param {Message} message whose toasts are not known to be ours */
function onUnknownOwner(message) {
  if (!message.leads || tabs.isLeader) return;
  if (message.owner === undefined) setState(message.state);
  else if (message.owner || owner === undefined) verifyOwner();
  else {
    setOwner("");
    setState("signed-out");
  }
}

/** Ask the server whose page this is. */
async function verifyOwner() {
  setOwner();
  const now = Date.now();
  if (now - verifiedAt < VERIFY_PAUSE) return;
  verifiedAt = now;
  const answer = await poll();
  if (tabs.isLeader || !(answer.signedOut || answer.toasts)) return;
  setOwner(answer.signedOut ? "" : answer.cursor);
  tabs.broadcast({ question: "what-is-active" });
}

/** The network or the user is back. */
function wake() {
  if (tabs.isLeader) {
    connection.wake();
    acknowledge();
  } else tabs.broadcast({ question: "what-is-active" });
}

/** The user is here again, who must not wait for what a dead line would have brought. */
function onReturn() {
  connection.look(); // nothing, unless this tab leads
  tabs.broadcast({ returned: true });
}

function onFocusChange() {
  presenceChanged();
  tabs.broadcast({});
}

function onVisibilityChange() {
  onFocusChange();
  if (!document.hidden) wake();
}

function onOffline() {
  if (tabs.isLeader && state !== "signed-out") connection.restart();
}

function resume() {
  if (!isSuspended) return;
  isSuspended = false;
  tabs.start({ describe, onMessage, onLeadership });
  tabs.broadcast({ question: "is-leader-well" });
}

function suspend() {
  connection.stop();
  tabs.stop();
  // A page restored later may belong to somebody else by then: it starts empty.
  setOwner(undefined, "suspended");
  isSuspended = true;
}

/**
 * Begin.
 *
 * @param {(state: ConnectionState, leads: boolean) => void} listener called with the leader's state, and
 *   whether this tab leads
 */
export function start(listener) {
  onState = listener;
  memory.openStorage();
  listen(window, "pagehide", suspend);
  listen(window, "pageshow", resume);
  listen(window, "online", wake);
  listen(window, "offline", onOffline);
  listen(window, "focus blur", onFocusChange);
  listen(window, "focus pageshow", onReturn);
  listen(document, "resume", onReturn);
  listen(document, "visibilitychange", onVisibilityChange);
  resume();
}

/** Look again: the page was swapped, and a user who was signed out may be signed in now. */
export function startAgain() {
  if (state !== "signed-out") return;
  if (tabs.isLeader) connection.restart();
  else verifyOwner();
}
