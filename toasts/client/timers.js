/** Auto-hide: how long a toast stays, and a countdown that stands still while somebody may be reading. */

/** Seconds at least, whatever the text. */
const LEAST = 6;
/** Characters that are read within that least time, and per second after it (about 200 words a minute). */
const GLANCE = 60;
const READING = 18;
/** Seconds: a longer setTimeout overflows and fires at once. */
const LONGEST = 2_147_483;

/**
 * @returns {number} milliseconds; Infinity: stays. What must be acted on (WCAG 2.2.1), errors and work
 *   under way never go by themselves.
 */
export function lifetime(toast) {
  if (toast.level === "error" || toast.actions.length > 0 || toast.duration === 0) return Infinity;
  if (toast.duration !== null) return toast.duration > LONGEST ? Infinity : toast.duration * 1000;
  if (toast.progress !== null && toast.progress < 100) return Infinity;
  const text = `${toast.title} ${toast.message}`.trim();
  const words = text.split(/\s+/).length;
  const reading = Math.max(0, text.length - GLANCE) / READING;
  return (LEAST + Math.max(words / 120, reading)) * 1000;
}

/**
 * @param onEnd called with the id of each toast whose time has run out.
 */
export function createTimers({ world, onEnd }) {
  const running = new Map(); // id -> {left, since, timer}
  const pauses = new Set();

  function run(id, entry) {
    if (entry.timer !== null || pauses.size > 0 || entry.left === Infinity) return;
    entry.since = world.now();
    entry.timer = world.set(() => {
      running.delete(id);
      onEnd(id);
    }, entry.left);
  }

  function hold(entry) {
    if (entry.timer === null) return;
    world.clear(entry.timer);
    entry.timer = null;
    entry.left = Math.max(0, entry.left - (world.now() - entry.since));
  }

  function stop(id) {
    const entry = running.get(id);
    if (entry) hold(entry);
    running.delete(id);
  }

  return {
    stop,
    /** Starts anew with the whole time. */
    restart(id, milliseconds) {
      stop(id);
      const entry = { left: milliseconds, since: 0, timer: null };
      running.set(id, entry);
      run(id, entry);
    },
    /** Time stands still while there is any reason for it. */
    pause(reason, on) {
      if (on) pauses.add(reason);
      else pauses.delete(reason);
      running.forEach((entry, id) => (pauses.size > 0 ? hold(entry) : run(id, entry)));
    },
  };
}
