/**
 * This browser's toasts in this tab: the store, fed by the connection if this tab leads, else by the tab
 * that does. Tabs that lead tell the rest what they hear; every tab tells the rest what its user did.
 *
 * Every message says whose toasts its sender has (`_who`: null as long as that is not known, "" for
 * nobody). A tab that never heard who its user is asks the server before it believes another tab.
 */

import { createAcks } from "./ack.js";
import { createConnection } from "./connection.js";
import { createCsrf } from "./csrf.js";
import { on } from "./dom.js";
import { createMemory, safeStorage } from "./memory.js";
import { poll } from "./poll.js";
import { createPresence } from "./presence.js";
import { createStore } from "./store.js";
import { createTabs } from "./tabs.js";
import { readToast } from "./wire.js";

/** Milliseconds at least between two questions whose page this is. */
const VERIFY = 1_000;

/**
 * @param name of what the tabs share: the same in all tabs of this site's client of this version.
 * @param onState called as (state, leads): the state of whoever leads, and whether this tab does.
 */
export function createBrowser(config, name, onState) {
  let who = null;
  let state = "connecting";
  let verifying = false;
  let away = false;
  const storage = safeStorage(() => localStorage);
  const memory = createMemory(storage, name);
  const say = (message) => tabs._say({ _who: who, ...message });
  const presence = createPresence(say);
  const store = createStore(memory, left);
  const tabs = createTabs(name, storage, { _lead: lead, _follow: follow, _hear: hear });
  const connection = createConnection(config, {
    _state: show,
    _all: (toasts, owner) => {
      become(owner);
      tell({ _all: toasts });
    },
    _toast: (toast) => tell({ _toast: toast }),
    _gone: (ids) => tell({ _gone: ids }),
  });
  const acks = createAcks(config, createCsrf(config), memory, connection._has);

  /** Here and in the other tabs. */
  function tell(change) {
    say(change);
    apply(change);
  }

  function apply({ _all, _toast, _gone, _user, _hide }) {
    const read = (raws) => raws.map((raw) => readToast(raw, location.href)).filter(Boolean);
    if (_all) {
      memory._prune(_all.map(({ id }) => `${id}`));
      store.replace(read(_all));
    }
    if (_toast) store.put(read([_toast]));
    if (_gone) {
      memory._forget(_gone);
      store.remove(_gone.map(String), "remote");
    }
    if (_user) store.remove(_user, "remote");
    if (_hide) store.remove(_hide, "timeout", true);
    if (tabs._leads() && (_user || _all)) acks();
  }

  /** A toast left this tab's screen by its user or its time. */
  function left(toast, reason) {
    if (reason === "timeout") {
      memory._hide(toast);
      say({ _hide: [toast.id] });
    } else if (reason === "user") {
      memory._dismiss(toast.id);
      say({ _user: [toast.id] });
      if (tabs._leads()) acks();
    }
  }

  /** From now on these are the toasts of somebody else. */
  function become(owner) {
    if (owner === who) return;
    store.clear("signed-out");
    memory._of((who = owner));
  }

  function show(next) {
    state = next;
    onState(state, tabs._leads());
    if (tabs._leads()) say({ _state: state });
  }

  function lead() {
    show("connecting");
    connection._start();
  }

  function follow() {
    connection._stop();
    onState(state, false);
  }

  function hear(message) {
    if (message.focus) return presence.hear(message);
    if (message._ask) return answer(message);
    if (message._leader && message._who !== who) return meet(message);
    if (message._who !== who) return;
    if (message._state && !tabs._leads()) show(message._state);
    apply(message);
  }

  /** @param message._mine who signed in for the page that asks, as it just learnt. */
  function answer({ _mine, _look, _whole }) {
    if (_whole && document.hasFocus()) presence.say();
    if (!tabs._leads()) return;
    if (_mine !== undefined && who !== null && _mine !== who) {
      become(null);
      connection._restart();
    }
    connection._tick();
    if (_look) connection._wake();
    say({ _state: state, ...(_whole && who !== null && { _all: connection._all() }) });
  }

  /** The leader's toasts are not known to be ours. */
  async function meet({ _who, _state }) {
    if (tabs._leads()) return;
    if (_who === null) return show(_state ?? state);
    if (_who === "" && who !== null) {
      become("");
      return show("signed-out");
    }
    become(null);
    if (verifying) return;
    verifying = true;
    const found = await poll(config);
    setTimeout(() => (verifying = false), VERIFY);
    if (tabs._leads() || !(found._out || found._toasts)) return;
    become(found._who ?? "");
    ask({ _mine: who });
  }

  function ask(more) {
    say({ _ask: true, _whole: true, ...more });
  }

  function begin() {
    tabs._start();
    presence.say();
    say({ _ask: true });
  }

  /** The network or the user is back. */
  function look() {
    if (tabs._leads()) {
      connection._wake();
      acks();
    } else ask({ _look: true });
  }

  function leave() {
    presence.say(false);
    connection._stop();
    tabs._stop();
    // A page restored later may belong to somebody else by then: it starts empty.
    store.clear("suspended");
    memory._of((who = null));
    away = true;
  }

  on(window, "pagehide", leave);
  on(window, "pageshow", () => {
    if (!away) return;
    away = false;
    begin();
  });
  on(window, "online", look);
  on(window, "offline", () => tabs._leads() && connection._doubt());
  on(document, "visibilitychange", () => document.hidden || look());

  return {
    store,
    presence,
    _start: begin,
    /** The page was swapped: whoever was signed out may be signed in now. */
    _again() {
      if (state !== "signed-out") return;
      if (tabs._leads()) connection._restart();
      else meet({ _who: undefined });
    },
    get state() {
      return state;
    },
  };
}
