/** What outlives a navigation. Storage may be forbidden or full: then it lasts as long as the page. */

const KEY = "toasts:hidden";

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

/**
 * The toasts whose time on this tab's screen ended, by id and content: unread still, so every
 * snapshot brings them, and shown again only when they change.
 */
export function createHidden(storage, limit = 500) {
  let entries = load(storage);
  return {
    /** The page was restored: later pages of this tab have written meanwhile. */
    reload() {
      entries = load(storage);
    },
    has: (id, fingerprint) => entries.get(id) === fingerprint,
    add(id, fingerprint) {
      entries.delete(id); // so that it counts as the newest
      entries.set(id, fingerprint);
      if (entries.size > limit) entries.delete(entries.keys().next().value);
      storage.set(KEY, JSON.stringify([...entries]));
    },
  };
}

function load(storage) {
  try {
    return new Map(JSON.parse(storage.get(KEY)) ?? []);
  } catch {
    return new Map(); // not what was written here
  }
}
