/**
 * Tells the server what the user dismissed, until it knows: kept in storage, so that neither a navigation
 * nor a closed tab loses it, with one entry per toast, so that tabs do not overwrite each other's.
 */

import { createBackoff } from "./backoff.js";
import { retryAfter } from "./poller.js";

const AT_ONCE = 3; // of the six connections that HTTP/1.1 gives a whole site
const REFUSALS = 2; // 403: once more with a fresh CSRF token, then no more
const SETTLING = 5_000; // milliseconds in which an event from before the answer may still arrive

/**
 * @param headers (refused) => a promise of the CSRF header; `refused`: the last one was turned down.
 * @param storage a safeStorage.
 */
export function createAcks({ url, headers, storage, world }) {
  const prefix = `toasts:ack:${url}:`;
  const backoff = createBackoff(world);
  const queue = new Map(); // id -> {refused, busy}
  const settling = new Set();
  let timer = null;

  const enqueue = (id) => queue.set(id, { refused: 0, busy: false });

  for (const key of storage.keys()) if (key.startsWith(prefix)) enqueue(key.slice(prefix.length));

  function pump() {
    let busy = [...queue.values()].filter((entry) => entry.busy).length;
    for (const [id, entry] of queue) {
      if (busy >= AT_ONCE) return;
      if (entry.busy) continue;
      busy += 1;
      send(id, entry);
    }
  }

  async function send(id, entry) {
    entry.busy = true;
    const response = await post(id, entry.refused > 0);
    entry.busy = false;
    if (isFinal(response, entry)) {
      finish(id);
      if (timer === null) pump();
    } else {
      delay(response ? retryAfter(response) : 0);
    }
  }

  async function post(id, refused) {
    try {
      return await world.fetch(`${url}${encodeURIComponent(id)}/read/`, {
        method: "POST",
        headers: await headers(refused),
        keepalive: true,
      });
    } catch {
      return null; // no network
    }
  }

  function isFinal(response, entry) {
    if (!response) return false;
    if (response.status === 403) return ++entry.refused >= REFUSALS;
    return response.status < 500 && response.status !== 429 && response.status !== 408;
  }

  function finish(id) {
    queue.delete(id);
    storage.remove(prefix + id);
    backoff.reset();
    settling.add(id);
    world.set(() => settling.delete(id), SETTLING);
  }

  function delay(least) {
    if (timer !== null) return;
    timer = world.set(wake, backoff.next(least));
  }

  function wake() {
    world.clear(timer);
    timer = null;
    pump();
  }

  return {
    wake,
    has: (id) => queue.has(id) || settling.has(id),
    add(id) {
      if (queue.has(id)) return;
      enqueue(id);
      storage.set(prefix + id, "1");
      pump();
    },
  };
}
