/** One once: it comes up, brings events, and goes down exactly one time. */

import { on } from "./dom.js";
import { createWatchdog } from "./watchdog.js";

const EVENTS = "toast dismiss sync ping bye";
/** A server answers with its snapshot at once; a proxy that buffers never does. */
const FIRST_EVENT = 10_000;

/**
 * @param heartbeat milliseconds between two pings.
 * @param onUp at the first event (not at `open`: a buffering proxy opens too), onDown(wasUp) at the end.
 */
export function openStream({ url, heartbeat, world, onUp, onDown, onEvent }) {
  const source = new world.EventSource(url);
  const watchdog = createWatchdog({ world, first: FIRST_EVENT, limit: 2.5 * heartbeat, onSilent: fail });
  let up = false;
  let closed = false;

  function close() {
    closed = true;
    watchdog.stop();
    source.close();
  }

  // The browser's own reconnect has no jitter, and gives up for good after any status but 200.
  function fail() {
    if (closed) return;
    close();
    onDown(up);
  }

  function take(event) {
    if (closed) return;
    watchdog.feed();
    if (!up) {
      up = true;
      onUp();
    }
    const data = parse(event.data);
    if (data !== null && !closed) onEvent(event.type, data);
  }

  on(source, EVENTS, take);
  on(source, "error", fail);
  return { close, check: watchdog.check };
}

function parse(text) {
  try {
    const data = JSON.parse(text || "{}");
    return typeof data === "object" ? data : null;
  } catch {
    return null; // one broken event must not end the stream
  }
}
