/**
 * The three ways on which a feed's envelopes come. A link is up at its first event, and goes down exactly
 * once: `onDown({ isUp, isRefused })`, with `isRefused` when asking again is of no use.
 */

import { listen } from "../shared/dom.js";
import { parseJson } from "../shared/json.js";
import { ask, pauseAfterPoll, WAIT } from "../shared/polling.js";
import { STEP, Watchdog } from "../shared/watchdog.js";

/**
 * @typedef {object} Envelope
 * @property {string} event
 * @property {any} data
 * @property {string} [id] The name of the state after it.
 * @property {number} [ref] Of the message that it answers.
 */

/**
 * @typedef {object} LinkOptions
 * @property {(parameters?: Record<string, unknown>) => string} url
 * @property {(envelope: Envelope) => void} onEvent
 * @property {(end: { isUp: boolean, isRefused: boolean }) => void} onDown
 */

const EVENTS = "change own remove sync ping bye";
const REFUSALS = [400, 401, 403, 404];
/** The close codes of a WebSocket are the status of HTTP plus this. */
const CLOSE_CODES = 4_000;

/** @param {number} status */
const isRefusal = (status) => REFUSALS.includes(status);

class Link {
  #isUp = false;
  #isOpen = true;
  #options;

  /** @param {LinkOptions} options */
  constructor(options) {
    this.#options = options;
  }

  get isUp() {
    return this.#isUp;
  }

  get isOpen() {
    return this.#isOpen;
  }

  /** @param {Record<string, unknown>} [parameters] */
  url(parameters) {
    return this.#options.url(parameters);
  }

  comeUp() {
    this.#isUp = true;
  }

  /** @param {Envelope} envelope */
  take(envelope) {
    if (!this.#isOpen) return;
    this.comeUp();
    this.#options.onEvent(envelope);
  }

  /** @param {boolean} isRefused */
  goDown(isRefused) {
    if (!this.#isOpen) return;
    this.close();
    this.#options.onDown({ isUp: this.isUp, isRefused });
  }

  close() {
    this.#isOpen = false;
  }

  /** The page or the network is back. */
  wake() {}
}

/** A link that the server keeps open, and that may be dead without an error. */
class WatchedLink extends Link {
  #watchdog = new Watchdog();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {LinkOptions} options */
  constructor(options) {
    super(options);
    this.#scheduleLook();
  }

  #scheduleLook() {
    this.#timer = setTimeout(() => this.#look(), STEP);
  }

  #look() {
    if (this.#watchdog.isSilent()) this.goDown(false);
    else this.#scheduleLook();
  }

  /** @param {Envelope} envelope */
  take(envelope) {
    this.#watchdog.feed();
    super.take(envelope);
  }

  close() {
    clearTimeout(this.#timer);
    super.close();
  }

  wake() {
    this.#watchdog.wake();
  }
}

export class StreamLink extends WatchedLink {
  #source;

  /** @param {LinkOptions} options */
  constructor(options) {
    super(options);
    this.#source = new EventSource(this.url());
    listen(this.#source, EVENTS, (event) => this.#onEvent(event));
    // The browser's own reconnect has no jitter, and gives up for good after any status but 200.
    listen(this.#source, "error", () => this.goDown(false));
  }

  /** @param {MessageEvent} event */
  #onEvent({ type, data, lastEventId }) {
    const parsed = parseJson(data);
    if (parsed) this.take({ event: type, data: parsed, id: lastEventId });
  }

  close() {
    super.close();
    this.#source.close();
  }
}

export class SocketLink extends WatchedLink {
  #socket;

  /** @param {LinkOptions} options */
  constructor(options) {
    super(options);
    this.#socket = new WebSocket(this.url().replace(/^http/, "ws"));
    listen(this.#socket, "message", ({ data }) => this.#onMessage(data));
    listen(this.#socket, "close", ({ code }) => this.goDown(isRefusal(code - CLOSE_CODES)));
  }

  /** @param {string} data */
  #onMessage(data) {
    const envelope = parseJson(data);
    if (envelope) this.take(envelope);
  }

  /**
   * Send a message.
   *
   * @param {unknown} message
   * @returns {boolean} whether it is on its way
   */
  send(message) {
    if (this.#socket.readyState !== 1) return false; // WebSocket.OPEN
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  close() {
    super.close();
    this.#socket.close();
  }
}

export class PollLink extends Link {
  #abort = new AbortController();
  #cursor = "";
  #once;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {LinkOptions} options
   * @param {boolean} [once] whether one question is enough
   */
  constructor(options, once = false) {
    super(options);
    this.#once = once;
    this.#poll();
  }

  async #poll() {
    const wait = this.isUp ? WAIT : 0;
    const parameters = wait ? { wait, cursor: this.#cursor } : {};
    const { body, status, took } = await ask(this.url(parameters), wait, this.#abort.signal);
    if (!this.isOpen) return;
    // What is not JSON is no answer of a feed, but of a proxy or a login page.
    if (!body?.events) return this.goDown(body !== null && isRefusal(status));
    const hasChanged = body.cursor !== this.#cursor;
    this.comeUp();
    this.#cursor = body.cursor;
    for (const envelope of body.events) this.take(envelope);
    if (this.#once) return this.goDown(false);
    if (!this.isOpen) return; // an event's listener may have closed it
    this.#timer = setTimeout(() => this.#poll(), pauseAfterPoll(hasChanged, took));
  }

  close() {
    super.close();
    this.#abort.abort();
    clearTimeout(this.#timer);
  }
}
