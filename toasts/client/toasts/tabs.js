/**
 * Which tab of this browser holds the connection, and the channel between the tabs.
 *
 * The leader is the tab that has the lock: it passes on by itself when a tab is closed or dies. A frozen tab
 * keeps the lock, so the others watch: a leader that leaves a question unanswered loses it to the tab that asked.
 * Where there are no locks (plain http), a name in localStorage stands for the lock, and only silence shows that the leader is gone.
 */

import { TABS_NAME } from "./config.js";
import { persist, storage } from "./memory.js";

/** @import { Message } from "./types.d.ts" */

/** Milliseconds between two looks whether the leader sent something, at least; and the jitter on top. */
const LOOK_PAUSE = 1_000;
const JITTER = 300;
/** Silent looks after which the leader is asked; after one more it is given up. */
const MOST_SILENT_LOOKS = 2;
/** Milliseconds in which other tabs may claim the name in localStorage, too. */
const SETTLE = 100;

/**
 * @typedef {object} Handlers
 * @property {() => Pick<Message, "owner" | "state" | "focused">} describe What every message contains about this tab.
 * @property {(message: Message) => void} onMessage
 * @property {() => void} onLeadership `isLeader` has changed.
 */

const ownName = `${Math.random()}`;
const { locks } = navigator;

/** @type {Handlers} */
let handlers;
/** @type {BroadcastChannel | null} */
let channel = null;
export let isLeader = false;
let silentLooks = 0; // in a row
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {AbortController | null} */
let claiming = null; // its signal ends the claim, and the leadership that it won

/**
 * Take part.
 *
 * @param {Handlers} given
 */
export function start(given) {
  handlers = given;
  try {
    channel = new BroadcastChannel(TABS_NAME);
  } catch {
    return setLeader(true); // every tab for itself
  }
  channel.onmessage = ({ data }) => onMessage(data);
  silentLooks = 0;
  claim();
  look();
}

/**
 * Send a message to the other tabs.
 *
 * @param {Partial<Message>} message
 */
export function broadcast(message) {
  channel?.postMessage({ tab: ownName, leads: isLeader, ...handlers.describe(), ...message });
}

/** @param {Message} message */
function onMessage(message) {
  if (message.leads) {
    silentLooks = 0;
    // Two may hold the name: they claimed it at the same time, or one was frozen meanwhile.
    const isRival = isLeader && !locks;
    if (isRival && message.tab > ownName) follow();
    else if (isRival) broadcast({}); // and so the other one follows
  }
  handlers.onMessage(message);
  // Not all at the same time: storage takes a moment to reach the other processes.
  if (message.resigned && !locks) setTimeout(claim, 3 * SETTLE * Math.random());
}

/** @param {boolean} next */
function setLeader(next) {
  isLeader = next;
  handlers.onLeadership();
}

function look() {
  timer = setTimeout(look, LOOK_PAUSE + JITTER * Math.random());
  if (isLeader) return;
  silentLooks += 1;
  if (silentLooks > MOST_SILENT_LOOKS) claim(true);
  else if (silentLooks === MOST_SILENT_LOOKS) broadcast({ question: "is-leader-well" });
}

/** @param {boolean} [steal] take it from the tab that has it */
function claim(steal = false) {
  claiming?.abort();
  const current = new AbortController();
  claiming = current;
  if (locks) claimLock(current, steal);
  else claimName(current, steal);
}

/**
 * @param {AbortController} attempt
 * @param {boolean} steal
 */
async function claimLock(attempt, steal) {
  const options = steal ? { steal } : { signal: attempt.signal };
  try {
    await locks.request(TABS_NAME, options, () => lead(attempt));
  } catch (error) {
    if (claiming !== attempt) return; // this tab gave it up itself
    const wasStolen = /** @type {Error} */ (error).name === "AbortError";
    if (wasStolen) follow();
    else lead(attempt); // locks are not for this kind of page
  }
}

/**
 * @param {AbortController} attempt
 * @param {boolean} steal
 */
function claimName(attempt, steal) {
  if (storage[TABS_NAME] && !steal) return;
  persist(TABS_NAME, ownName);
  setTimeout(() => storage[TABS_NAME] === ownName && lead(attempt), SETTLE);
}

/**
 * @param {AbortController} attempt
 * @returns {Promise<unknown> | undefined} pending for as long as the lock is to be held
 */
function lead(attempt) {
  if (claiming !== attempt) return undefined;
  const held = new Promise((resolve) => {
    attempt.signal.onabort = resolve;
  });
  setLeader(true);
  return held;
}

function follow() {
  if (isLeader) setLeader(false);
  claim();
}

/** Take part no longer: the page is left, and the next tab that waits takes over. */
export function stop() {
  clearTimeout(timer);
  if (storage[TABS_NAME] === ownName) delete storage[TABS_NAME];
  broadcast({ resigned: true, focused: false });
  claiming?.abort();
  claiming = null;
  isLeader = false;
  channel?.close();
  channel = null;
}
