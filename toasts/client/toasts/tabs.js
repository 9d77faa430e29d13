/**
 * Which tab of this browser holds the connection, and how the tabs tell each other.
 *
 * The leader is who has the lock: it passes on by itself when a tab is closed or dies. A frozen one keeps
 * it, so the others listen: a leader that lets questions go unanswered loses the lock to whoever asked.
 * Where there are no locks (plain http), a name in localStorage stands for it, and silence alone tells.
 */

import { hear, say, turn, WELL } from "./browser.js"; // and it imports this: one thing, too long for one file
import { NAME } from "./config.js";
import { keep, storage } from "./memory.js";

/** Milliseconds between two looks at whether the leader was heard, at least; and the jitter on top. */
const BEAT = 1000;
const JITTER = 300;
/** Silent looks after which it is asked; after one more it is given up. */
const SILENCE = 2;
/** Milliseconds in which others may have claimed a lease, too. */
const SETTLE = 100;

export const me = `${Math.random()}`;
const { locks } = navigator;
export let channel; // to the other tabs
export let leading = false;
let silent; // looks in a row at which the leader had not been heard
let timer, claimed;

export function start() {
  try {
    channel = new BroadcastChannel(NAME);
  } catch {
    return lead(true); // every tab for itself
  }
  channel.onmessage = ({ data }) => {
    if (data._leads) {
      silent = 0;
      // Two leases, given at the same time or in a frozen tab's absence.
      if (leading && !locks && data._tab > me) follow();
    }
    hear(data);
    // Not all at the same time: storage takes a moment to reach the other processes.
    if (data._over && !locks) setTimeout(claim, 3 * SETTLE * Math.random());
  };
  silent = 0;
  claim();
  beat();
}

function lead(now) {
  leading = now;
  turn();
}

function beat() {
  timer = setTimeout(beat, BEAT + JITTER * Math.random());
  if (leading) return;
  if (++silent > SILENCE) claim(true);
  else if (silent === SILENCE) say({ _ask: WELL });
}

/** @param steal whoever has it. */
function claim(steal) {
  claimed?.abort();
  const mine = (claimed = new AbortController());
  /** @returns a promise that holds the lock until it is given back. */
  const granted = () =>
    claimed === mine &&
    new Promise((resolve) => {
      mine.signal.onabort = resolve;
      lead(true);
    });
  if (!locks) {
    if (!steal && storage[NAME]) return;
    keep(NAME, me);
    setTimeout(() => storage[NAME] === me && granted(), SETTLE);
    return;
  }
  locks.request(NAME, steal ? { steal } : mine, granted).catch((error) => {
    // Aborted here; taken away while this tab was frozen; or locks are not for this kind of page.
    if (claimed === mine) error.name === "AbortError" ? follow() : granted();
  });
}

function follow() {
  if (leading) lead(false);
  claim();
}

/** The page goes: whoever waits is next. */
export function stop() {
  clearTimeout(timer);
  if (storage[NAME] === me) delete storage[NAME];
  say({ _over: true, _focus: false });
  claimed?.abort();
  claimed = null;
  leading = false;
  channel?.close();
  channel = null;
}
