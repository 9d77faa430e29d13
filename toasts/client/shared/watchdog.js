/**
 * Notices a stream that is open but dead: after sleep, a lost NAT entry or a mute proxy no error ever
 * comes. Counts awake time only, for in a frozen tab the events wait just as the timers do.
 */

const TICK = 5_000;
/** After waking up: how long events that queued meanwhile may take to prove the stream alive. */
const GRACE = 1_000;

/**
 * @param first, limit milliseconds without an event: until the first one, and between two.
 */
export function createWatchdog({ world, first, limit, onSilent }) {
  let allowed = first;
  let awake = 0;
  let lastTick = world.now();
  let lastEvent = lastTick;
  let grace = null;
  let timer = world.set(tick, Math.min(TICK, first));

  function tick() {
    const now = world.now();
    awake += Math.min(Math.max(0, now - lastTick), 2 * TICK);
    lastTick = now;
    if (awake >= allowed) return silent();
    timer = world.set(tick, Math.min(TICK, allowed - awake));
  }

  function silent() {
    stop();
    onSilent();
  }

  function stop() {
    world.clear(timer);
    world.clear(grace);
  }

  return {
    stop,
    feed() {
      allowed = limit;
      awake = 0;
      lastTick = lastEvent = world.now();
      world.clear(grace);
      grace = null;
    },
    /** The page is back: if the wall world says that too much was missed, do not wait for the ticks. */
    check() {
      if (grace !== null || world.now() - lastEvent < allowed) return;
      grace = world.set(silent, GRACE);
    },
  };
}
