/**
 * Notices a stream that is open but dead: after sleep, a lost NAT entry or a silent proxy no error ever
 * comes. It counts awake time only, because in a frozen tab the events wait just as the timers do.
 *
 * It has no timer: its owner calls `isSilent` every `STEP` milliseconds.
 */

import { heartbeat } from "./settings.js";

/** Milliseconds until the first event. A server sends its snapshot at once; a proxy that buffers never does. */
const FIRST_EVENT = 10_000;
/** Heartbeats without an event until a stream counts as dead. */
const MISSED_HEARTBEATS = 2.4;
/** Heartbeats without an event until one is overdue: who comes back then does not wait for the rest. */
const OVERDUE = 1.2;
/** Milliseconds between two looks. */
export const STEP = 1_000;

export class Watchdog {
  #heartbeat = heartbeat();
  #limit = FIRST_EVENT;
  #silence = 0; // milliseconds awake since the last event
  #lastLook = Date.now();
  #lastEvent = Date.now();

  /**
   * Count the time since the last look.
   *
   * @returns {boolean} whether the stream has been silent for too long
   */
  isSilent() {
    const now = Date.now();
    this.#silence += Math.min(now - this.#lastLook, 3 * STEP);
    this.#lastLook = now;
    return this.#silence >= this.#limit;
  }

  /** Note an event. */
  feed() {
    this.#limit = MISSED_HEARTBEATS * this.#heartbeat;
    this.#silence = 0;
    this.#lastEvent = Date.now();
  }

  /** The user is back. Sleep counts, too, but what came meanwhile gets a moment to be read. */
  wake() {
    this.#lastLook = Date.now();
    const isOverdue = this.#lastLook - this.#lastEvent > OVERDUE * this.#heartbeat;
    if (isOverdue) this.#silence = this.#limit - STEP / 2;
  }
}
