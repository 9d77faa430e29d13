/**
 * A feed in the page: its rows, kept as they are on the server, over whichever transport the page can
 * have. `toastFeeds.open(url, options)`; docs/reference/feeds.md documents it.
 */

import { fullJitter } from "../shared/backoff.js";
import { post, postWithToken } from "../shared/csrf.js";
import { PollLink, SocketLink, StreamLink } from "./links.js";
import { failure, Replies } from "./replies.js";

/** @import { Envelope } from "./links.js" */

/** @typedef {"sse" | "websocket" | "poll"} Transport */
/** @typedef {"connecting" | "connected" | "refused" | "closed"} State */

/**
 * @typedef {object} FeedOptions
 * @property {Transport[]} [transports]
 * @property {string} [origin] The name of this page.
 * @property {string | (() => string | Promise<string>)} [token]
 * @property {string} [csrf] The CSRF token, where the page knows it.
 * @property {(envelope: Envelope) => void} [onEvent]
 * @property {(key: any, row: any, action: string, before: any) => void} [onChange]
 * @property {(key: any, row: any, action?: string) => void} [onRemove]
 * @property {(rows: Map<any, any>) => void} [onSync]
 * @property {(state: State) => void} [onState]
 */

const LINKS = { sse: StreamLink, websocket: SocketLink, poll: PollLink };
/**
 * Milliseconds within which pages come back after a `bye`, each at its own time, by its reason.
 *
 * @type {Record<string, number>}
 */
const RETURN_WITHIN = { restart: 5_000, rotate: 1_000, auth: 1_000, superseded: 60_000 };
/** Milliseconds of polling after which a better transport is tried again. */
const TRY_BETTER = 300_000;

/**
 * Whether this is Django's page about a refused CSRF token. A feed that refuses answers with JSON, and was
 * asked already: it must not be asked a second time.
 *
 * @param {Response} response
 */
const isCsrfPage = (response) =>
  response.status === 403 && !response.headers.get("Content-Type")?.includes("json");

/** @returns {string} 16 hexadecimal digits */
function randomName() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(8))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Feed {
  #address;
  #options;
  /** @type {Transport[]} */
  #transports;
  #origin;
  #replies = new Replies();
  #rows = new Map();
  /** @type {StreamLink | SocketLink | PollLink | null} */
  #link = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #choice = 0; // of the transports
  #cursor = "";
  #token = "";
  /** @type {State} */
  #state = "connecting";
  #openedAt = 0;
  #failures = 0;
  #attempt = 0;

  /**
   * @param {string} address
   * @param {FeedOptions} options
   */
  constructor(address, options) {
    this.#address = address;
    this.#options = options;
    this.#transports = options.transports ?? ["sse", "websocket", "poll"];
    this.#origin = options.origin ?? randomName();
    const unknown = this.#transports.filter((name) => !Object.hasOwn(LINKS, name));
    if (unknown.length > 0 || this.#transports.length === 0) {
      throw new TypeError(
        `transports: must be some of ${Object.keys(LINKS)}, not [${this.#transports}].`,
      );
    }
    this.#connect();
  }

  get rows() {
    return this.#rows;
  }

  get state() {
    return this.#state;
  }

  get transport() {
    return this.#transports[this.#choice];
  }

  get origin() {
    return this.#origin;
  }

  /**
   * Return the feed's address for a request.
   *
   * @param {Record<string, unknown>} [parameters]
   */
  #url(parameters = {}) {
    const url = new URL(this.#address, document.baseURI);
    // A row of which only the key is known is to come whole, so there is no cursor then.
    const isComplete = ![...this.#rows.values()].includes(null);
    const cursor = isComplete ? this.#cursor : "";
    const all = { origin: this.#origin, token: this.#token, cursor, ...parameters };
    for (const [name, value] of Object.entries(all)) {
      if (value) url.searchParams.set(name, `${value}`);
    }
    return url.href;
  }

  /** @param {State} next */
  #setState(next) {
    if (next === this.#state) return;
    this.#state = next;
    this.#options.onState?.(next);
  }

  /** @param {boolean} [once] whether to ask one plain question instead */
  async #connect(once = false) {
    clearTimeout(this.#timer);
    this.#attempt += 1;
    const attempt = this.#attempt;
    if (this.#options.token) this.#token = await this.#askForToken();
    if (attempt !== this.#attempt) return; // closed, or connected again, meanwhile
    this.#openedAt = Date.now();
    this.#link = this.#open(once);
  }

  async #askForToken() {
    const { token } = this.#options;
    try {
      return (await (typeof token === "function" ? token() : token)) ?? "";
    } catch {
      return "";
    }
  }

  /** @param {boolean} once */
  #open(once) {
    const options = {
      url: (/** @type {Record<string, unknown> | undefined} */ parameters) => this.#url(parameters),
      onEvent: (/** @type {Envelope} */ envelope) => this.#take(envelope),
      onDown: (/** @type {{ isUp: boolean, isRefused: boolean }} */ end) =>
        this.#onDown({ ...end, once }),
    };
    return once ? new PollLink(options, true) : new LINKS[this.transport](options);
  }

  /** @param {{ isUp: boolean, isRefused: boolean, once: boolean }} end */
  #onDown({ isUp, isRefused, once }) {
    this.#link = null;
    this.#replies.rejectAll();
    if (isRefused) return this.#setState("refused");
    if (isUp && !once) this.#failures = 0;
    if (isUp || once) return this.#connectLater(fullJitter(this.#failures++));
    this.#choice = (this.#choice + 1) % this.#transports.length;
    // When none is left, ask one plain question: an EventSource hides the status, its answer does not.
    return this.#connect(this.#choice === 0);
  }

  /** @param {number} delay milliseconds */
  #connectLater(delay) {
    if (this.#state !== "refused") this.#setState("connecting");
    this.#timer = setTimeout(() => this.#connect(), delay);
  }

  /** @param {Envelope} envelope */
  #take(envelope) {
    const { event, data, id } = envelope;
    if (event === "reply" || event === "error") return this.#replies.settle(envelope);
    if (event === "bye") return this.#onBye(data.reason);
    this.#setState("connected");
    if (id) this.#cursor = id === "changed" ? "" : id;
    this.#options.onEvent?.(envelope);
    this.#apply(event, data);
    return this.#tryBetter();
  }

  /**
   * @param {string} event
   * @param {any} data
   */
  #apply(event, data) {
    if (event === "change") this.#change(data);
    else if (event === "own") this.#rows.set(data.key, null);
    else if (event === "remove") for (const key of data.keys) this.#remove(key, data.action);
    else if (event === "sync") this.#sync(data.keys);
  }

  /** @param {string} reason */
  #onBye(reason) {
    this.#link?.close();
    this.#link = null;
    this.#replies.rejectAll();
    this.#connectLater(Math.random() * (RETURN_WITHIN[reason] ?? RETURN_WITHIN.rotate));
  }

  /** Polls go on until now and then a better transport passes. */
  #tryBetter() {
    const isFallback = this.transport === "poll" && this.#choice > 0;
    if (!isFallback || Date.now() - this.#openedAt <= TRY_BETTER) return;
    this.#choice = 0;
    this.#link?.close();
    this.#connect();
  }

  /** @param {{ key: any, row: any, action: string }} change */
  #change({ key, row, action }) {
    const before = this.#rows.get(key);
    const isNew = !this.#rows.has(key);
    this.#rows.set(key, row);
    if (!isNew && JSON.stringify(before) === JSON.stringify(row)) return;
    // The page shows already what it wrote itself; some feeds' servers do not send it in the first place.
    if (action !== "SELECT" && row?.origin === this.#origin) return;
    this.#options.onChange?.(key, row, action, before);
  }

  /**
   * @param {any} key
   * @param {string} [action]
   */
  #remove(key, action) {
    if (!this.#rows.has(key)) return;
    const row = this.#rows.get(key);
    this.#rows.delete(key);
    this.#options.onRemove?.(key, row, action);
  }

  /** @param {any[]} keys of all rows, in the server's order */
  #sync(keys) {
    const known = new Set(keys);
    for (const key of [...this.#rows.keys()]) if (!known.has(key)) this.#remove(key);
    const ordered = keys.filter((key) => this.#rows.has(key));
    this.#rows = new Map(ordered.map((key) => [key, this.#rows.get(key)]));
    this.#options.onSync?.(this.#rows);
  }

  /**
   * Send a message to the feed: over the WebSocket if there is one, else by POST.
   *
   * @param {unknown} data
   * @returns {Promise<any>} of the answer; rejected with an Error whose `errors` are the reasons by field
   */
  send(data) {
    const { promise, ref } = this.#replies.expect();
    const isSent = this.#link instanceof SocketLink && this.#link.send({ data, ref });
    if (isSent) return promise;
    this.#replies.forget(ref);
    return this.#post(data);
  }

  /** @param {unknown} data */
  async #post(data) {
    const url = this.#url({ cursor: "" });
    const { csrf } = this.#options;
    const response = await (csrf === undefined
      ? post(url, data, undefined, isCsrfPage)
      : postWithToken(url, data, csrf));
    if (response.status === 0) throw new TypeError("The server cannot be reached.");
    const answer = await response.json().catch(() => ({ detail: [`HTTP ${response.status}`] }));
    if (!response.ok) throw failure(answer);
    return answer;
  }

  /** End it. */
  close() {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = null;
    this.#replies.rejectAll();
    this.#setState("closed");
  }

  /** The user is back: a link whose ping is overdue is given up. */
  look() {
    this.#link?.wake();
  }

  /** Connect at once instead of at the next timer: the network or the page is back. */
  wake() {
    if (this.#link) this.look();
    else if (this.#state === "connecting") this.#connect();
  }
}
