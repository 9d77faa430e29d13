/**
 * Which tab of this browser holds the connection, and how the tabs tell each other.
 *
 * The leader is who has the lock: it passes on by itself when a tab is closed or dies. A frozen one keeps
 * it, so the others listen: a leader that lets questions go unanswered loses the lock to whoever asked.
 * Where there are no locks (plain http), a name in localStorage stands for it, and silence alone tells.
 */

/** Milliseconds between two looks at whether the leader was heard, at least; and the jitter on top. */
const BEAT = 1000;
const JITTER = 300;
/** Silent looks after which it is given up. */
const SILENCE = 2;
/** Milliseconds in which others may have claimed a lease, too. */
const SETTLE = 100;

/**
 * @param name of the lock and the channel. @param storage a safeStorage.
 * @param on._lead, on._follow () when the role changes; on._hear (message) from other tabs.
 */
export function createTabs(name, storage, on) {
  const me = `${Math.random()}`;
  let channel = null;
  let leading = false;
  let heard, silent, timer, claimed, release;

  const say = (message) => channel?.postMessage({ ...message, _leader: leading && me });

  function start() {
    channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => {
      if (data._leader) heard = true;
      // Two leases, given at the same time or in a frozen tab's absence.
      if (data._leader > me && leading && !navigator.locks) follow();
      if (!data._over) on._hear(data);
      // Not all at the same time: storage takes a moment to reach the other processes.
      else if (!navigator.locks) setTimeout(() => claim(!storage.get(name)), 3 * SETTLE * Math.random());
    };
    heard = true;
    silent = 0;
    claim(!storage.get(name));
    beat();
  }

  function beat() {
    timer = setTimeout(beat, BEAT + JITTER * Math.random());
    if (leading) return;
    if (heard) silent = 0;
    else if (++silent < SILENCE) say({ _ask: true });
    else claim(true, true);
    heard = false;
  }

  /** @param free nobody has it, as far as storage tells. @param steal whoever has it. */
  function claim(free, steal) {
    claimed?.abort();
    const mine = (claimed = new AbortController());
    const lead = () => claimed === mine && on._lead((leading = true));
    if (!navigator.locks) {
      if (!free) return;
      storage.set(name, me);
      setTimeout(() => storage.get(name) === me && lead(), SETTLE);
      return;
    }
    const hold = () => {
      lead();
      return new Promise((resolve) => (claimed === mine ? (release = resolve) : resolve()));
    };
    navigator.locks.request(name, steal ? { steal } : { signal: mine.signal }, hold).catch((error) => {
      // Aborted here; taken away while this tab was frozen; or locks are not for this kind of page.
      if (claimed === mine) error.name === "AbortError" ? follow() : lead();
    });
  }

  function follow() {
    if (leading) on._follow((leading = false));
    claim(false);
  }

  /** The page goes: whoever waits is next. */
  function stop() {
    clearTimeout(timer);
    if (leading) say({ _over: true });
    if (leading && storage.get(name) === me) storage.remove(name);
    claimed?.abort();
    claimed = null;
    release?.();
    leading = false;
    channel?.close();
    channel = null;
  }

  return { _start: start, _stop: stop, _say: say, _leads: () => leading };
}
