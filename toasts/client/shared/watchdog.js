/**
 * Notices a stream that is open but dead: after sleep, a lost NAT entry or a silent proxy no error ever
 * comes. It counts awake time only, because in a frozen tab the events wait just as the timers do.
 *
 * It has no timer: its owner calls `isSilent` every `step` milliseconds.
 */

import { heartbeat } from "./settings.js";

/** Milliseconds until the first event. A server sends its snapshot at once; a proxy that buffers never does. */
const FIRST_EVENT = 10_000;
/** Heartbeats without an event until a stream counts as dead. */
const MISSED_HEARTBEATS = 2.4;
/** Looks in a heartbeat. */
const LOOKS = 15;

export class Watchdog {
  #heartbeat = heartbeat();
  #limit = FIRST_EVENT;
  #silence = 0; // milliseconds awake since the last event
  #lastLook = Date.now();
  #lastEvent = Date.now();

  /** Milliseconds between two looks. */
  get step() {
    return this.#heartbeat / LOOKS;
  }

  /**
   * Count the time since the last look.
   *
   * @returns {boolean} whether the stream has been silent for too long
   */
  isSilent() {
    const now = Date.now();
    this.#silence += Math.min(now - this.#lastLook, 3 * this.step);
    this.#lastLook = now;
    return this.#silence >= this.#limit;
  }

  /** Note an event. */
  feed() {
    this.#limit = MISSED_HEARTBEATS * this.#heartbeat;
    this.#silence = 0;
    this.#lastEvent = Date.now();
  }

  /** Count sleep, too, now that the page is awake: what came meanwhile gets a moment to be read. */
  wake() {
    this.#lastLook = Date.now();
    this.#silence = Math.min(this.#lastLook - this.#lastEvent, this.#limit - this.step / 2);
  }
}
