/**
 * The three ways on which a feed's envelopes come. Each link is up at its first event, and goes down
 * exactly once: `onDown({ up, refused })`, with `refused` when asking again is of no use.
 */

import { createWatchdog } from "../shared/watchdog.js";

/** A server answers with its snapshot at once; a proxy that buffers never does. */
const FIRST_EVENT = 10_000;
const SILENCE = 40_000;
const EVENTS = ["change", "own", "remove", "sync", "ping", "bye"];
/** Seconds that the server may hold a poll, and milliseconds that an answer may take beyond that. */
const WAIT = 25;
const SLACK = 15_000;
/** Milliseconds between two questions, for a server that does not wait by itself. */
const AT_MOST_EVERY = 1_000;
const UNHURRIED = 10_000;
/** Close codes are the status of HTTP, plus 4000. */
const isRefusal = (code) => [400, 401, 403, 404].includes(code);

function createLink({ world, onEvent, onDown, stop }) {
  let up = false;
  let open = true;
  const watchdog = createWatchdog({ world, first: FIRST_EVENT, limit: SILENCE, onSilent: () => down() });

  function down(refused = false) {
    if (!open) return;
    close();
    onDown({ up, refused });
  }

  function close() {
    open = false;
    watchdog.stop();
    stop();
  }

  return {
    down,
    close,
    take(envelope) {
      if (!open) return;
      watchdog.feed();
      up = true;
      onEvent(envelope);
    },
  };
}

export function openStream({ url, world, ...rest }) {
  const source = new world.EventSource(url());
  const link = createLink({ world, ...rest, stop: () => source.close() });
  for (const event of EVENTS) {
    source.addEventListener(event, ({ data, lastEventId }) =>
      link.take({ event, data: JSON.parse(data), id: lastEventId }),
    );
  }
  // The browser's own reconnect has no jitter, and gives up for good after any status but 200.
  source.addEventListener("error", () => link.down());
  return link;
}

export function openSocket({ url, world, ...rest }) {
  const socket = new world.WebSocket(url().replace(/^http/, "ws"));
  const link = createLink({ world, ...rest, stop: () => socket.close() });
  socket.addEventListener("message", ({ data }) => link.take(JSON.parse(data)));
  socket.addEventListener("close", ({ code }) => link.down(isRefusal(code - 4000)));
  return {
    ...link,
    /** Says whether the message is on its way. */
    send(message) {
      if (socket.readyState !== 1) return false;
      socket.send(JSON.stringify(message));
      return true;
    },
  };
}

export function openPoll({ url, world, once = false, onEvent, onDown }) {
  const abort = new AbortController();
  let cursor;
  let timer;
  let up = false;

  async function ask() {
    const began = world.now();
    const answer = await read(up && !once ? { wait: WAIT, cursor } : {});
    if (abort.signal.aborted) return;
    if (!answer.events) return onDown({ up, refused: isRefusal(answer.status) });
    const news = answer.cursor !== cursor;
    up = true;
    cursor = answer.cursor;
    answer.events.forEach(onEvent);
    if (once) return onDown({ up, refused: false });
    const took = world.now() - began;
    const pause = news || took > AT_MOST_EVERY ? AT_MOST_EVERY - took : UNHURRIED * (1 + world.random() / 2);
    if (!abort.signal.aborted) timer = world.set(ask, Math.max(0, pause));
  }

  async function read(parameters) {
    try {
      const limit = AbortSignal.timeout((parameters.wait ?? 0) * 1000 + SLACK);
      const response = await world.fetch(url(parameters), { signal: AbortSignal.any([abort.signal, limit]) });
      return response.ok ? await response.json() : { status: response.status };
    } catch {
      return {};
    }
  }

  ask();
  return {
    close() {
      abort.abort();
      world.clear(timer);
    },
  };
}
