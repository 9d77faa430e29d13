/** Messages that wait for their answers. */

/** @import { Envelope } from "./links.js" */

/**
 * @typedef {object} Waiting
 * @property {(data: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {ReturnType<typeof setTimeout>} timer
 */

/** Milliseconds that an answer may take. */
const REPLY_WITHIN = 30_000;

/**
 * Return an Error with the server's reasons, by field.
 *
 * @param {Record<string, string[]>} errors
 * @returns {Error & { errors: Record<string, string[]> }}
 */
export function failure(errors) {
  return Object.assign(new Error(Object.values(errors).flat().join(" ")), { errors });
}

export class Replies {
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #lastRef = 0;

  /** @returns {{ promise: Promise<any>, ref: number }} `ref` names the message */
  expect() {
    this.#lastRef += 1;
    const ref = this.#lastRef;
    const promise = new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#reject(ref, "No answer came."), REPLY_WITHIN);
      this.#waiting.set(ref, { resolve, reject, timer });
    });
    return { promise, ref };
  }

  /** @param {number} ref */
  forget(ref) {
    clearTimeout(this.#waiting.get(ref)?.timer);
    this.#waiting.delete(ref);
  }

  /** @param {Envelope} envelope an answer */
  settle({ event, data, ref }) {
    const message = this.#waiting.get(Number(ref));
    if (!message) return;
    this.forget(Number(ref));
    if (event === "reply") message.resolve(data);
    else message.reject(failure(data));
  }

  /**
   * @param {number} ref
   * @param {string} detail
   */
  #reject(ref, detail) {
    this.settle({ event: "error", data: { detail: [detail] }, ref });
  }

  /** The connection was lost. */
  rejectAll() {
    for (const ref of [...this.#waiting.keys()]) this.#reject(ref, "The connection was lost.");
  }
}
