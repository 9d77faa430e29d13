/** Auto-hide: how long a toast stays, and a countdown that stands still while somebody may be reading. */

/** Seconds at least, whatever the text. */
const LEAST = 6;
/** Characters that are read within that least time, and per second after it (about 200 words a minute). */
const GLANCE = 60;
const READING = 18;
/** Milliseconds at most between two looks at the clock. */
const STEP = 1_000;

/**
 * @returns {number} milliseconds; Infinity: stays. Unless told how long, so do errors, what is to be acted
 *   on (WCAG 2.2.1) and work under way.
 */
export function lifetime(toast) {
  if (toast.duration !== null) return toast.duration * 1000 || Infinity;
  if (toast.level === "error" || toast.actions.length > 0 || (toast.progress ?? 100) < 100) return Infinity;
  const text = `${toast.title} ${toast.message}`.trim();
  const words = text.split(/\s+/).length;
  const reading = Math.max(0, text.length - GLANCE) / READING;
  return (LEAST + Math.max(words / 120, reading)) * 1000;
}

/**
 * Counts in steps, and of each no more than it should have taken: a machine that slept showed nobody
 * anything meanwhile.
 *
 * @param onEnd called with the id of each toast whose time has run out.
 */
export function createTimers({ world, onEnd }) {
  const left = new Map(); // id -> milliseconds
  const pauses = new Set();
  let timer = null;
  let since = 0;

  function count() {
    const passed = timer === null ? 0 : Math.min(Math.max(0, world.now() - since), STEP);
    for (const [id, time] of left) left.set(id, time - passed);
  }

  function run() {
    world.clear(timer);
    since = world.now();
    timer = left.size > 0 && pauses.size === 0 ? world.set(look, Math.min(STEP, ...left.values())) : null;
  }

  function look() {
    count();
    const over = [...left.keys()].filter((id) => left.get(id) <= 0);
    over.forEach((id) => left.delete(id));
    run();
    over.forEach(onEnd);
  }

  return {
    stop: (id) => left.delete(id),
    /** Starts anew with the whole time. */
    restart(id, milliseconds) {
      count();
      left.delete(id);
      if (milliseconds < Infinity) left.set(id, milliseconds);
      run();
    },
    /** Time stands still while there is any reason for it. */
    pause(reason, on) {
      count();
      if (on) pauses.add(reason);
      else pauses.delete(reason);
      run();
    },
  };
}
