/** The client's own types. Those of what pages may use are in `static/toasts/toasts.d.ts`. */

import type { ConnectionState, Toast as PublicToast } from "../../static/toasts/toasts.d.ts";

import type { SENT } from "./wire.js";

export type { ConnectionState, Level, Action } from "../../static/toasts/toasts.d.ts";

export interface Toast extends PublicToast {
  /** A hash of what a user sees: two versions of one toast have different ones. */
  readonly fingerprint: number;
  /** The toast as it was sent. */
  readonly [SENT]: RawToast;
}

/** A toast as the server, another tab or the page's own script sends it: nothing in it is certain. */
export type RawToast = { id: unknown } & Record<string, any>;

/**
 * Why a toast left the list: its user dismissed it; its time is over, and it is unread; it is read or no
 * longer active elsewhere; nobody is signed in; the page is left.
 */
export type Reason = "user" | "timeout" | "remote" | "signed-out" | "suspended";

export interface Change {
  readonly toast: Toast;
  /** How it was before, where it was there. */
  readonly previous?: Toast;
  /** Only of one that is gone. */
  readonly reason?: Reason;
}

/** News of the user's toasts from the server, which the leading tab passes on. */
export interface Update {
  /** New ones and changed ones. */
  toasts?: RawToast[];
  /** The ids of all that are active: the others are not. */
  activeIds?: string[];
  /** The ids of some that are no longer active. */
  goneIds?: (string | number)[];
}

/** A message from one tab to the others. */
export interface Message extends Update {
  /** The sender. */
  tab: string;
  leads: boolean;
  /** Whose toasts the sender has: "" is nobody, undefined is not known. */
  owner?: string;
  state: ConnectionState;
  focused: boolean;
  /** The ids of toasts that left the sender's screen, and why. */
  leftIds?: string[];
  reason?: "user" | "timeout";
  question?: "is-leader-well" | "what-is-active";
  /** The user has come back to the sender. */
  returned?: boolean;
  /** The sender no longer leads. */
  resigned?: boolean;
}

declare global {
  /** The package's version, which the build script fills in. */
  const __VERSION__: string;
}
