/**
 * What the tabs know of toasts beyond what is active: which were hidden by their time, which the user
 * dismissed. One entry in localStorage for each, so that tabs do not overwrite each other's, by user.
 * Storage may be forbidden or full: then it lasts as long as the page.
 */

/** Values beside the fingerprint of a hidden toast: the server is to be told, and has been told. */
const PENDING = "!";
const TOLD = ".";

/**
 * @param {() => Storage} open a function, because merely reading `window.localStorage` can throw.
 */
export function safeStorage(open) {
  let storage = {};
  try {
    storage = open() ?? storage;
  } catch {
    // Blocked by the browser's privacy settings.
  }
  return {
    get: (key) => storage[key] ?? null,
    set: (key, value) => {
      try {
        storage[key] = value;
      } catch {
        // Full: this one is forgotten with the page.
      }
    },
    remove: (key) => delete storage[key],
    keys: () => Object.keys(storage),
  };
}

export function createMemory(storage, name) {
  let prefix = null; // of nobody

  const entries = () =>
    storage.keys().filter((key) => prefix && key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  const get = (id) => storage.get(prefix + id);
  const set = (id, value) => prefix && storage.set(prefix + id, value);

  return {
    _of(who) {
      prefix = who && `${name}:${who}:`;
    },
    /** Whether it left the screen already, as it is now. */
    _hides({ id, fingerprint }) {
      return [PENDING, TOLD, `${fingerprint}`].includes(get(id));
    },
    _hide: ({ id, fingerprint }) => set(id, `${fingerprint}`),
    _dismiss: (id) => set(id, PENDING),
    _pending: () => entries().filter((id) => get(id) === PENDING),
    /** Told: until it is no longer active, events from before may still arrive. */
    _told: (id, active) => (active ? set(id, TOLD) : storage.remove(prefix + id)),
    /** These are all that is active: the rest need not be remembered. What was told but is still there was not heard. */
    _prune(ids) {
      for (const id of entries()) {
        if (!ids.includes(id)) get(id) === PENDING || storage.remove(prefix + id);
        else if (get(id) === TOLD) set(id, PENDING);
      }
    },
    _forget: (ids) => ids.forEach((id) => get(id) === PENDING || storage.remove(prefix + id)),
  };
}
