/** Types of what the client gives the page: `window.toasts` and events on `document`. */

export type Level = "info" | "success" | "warning" | "error";
export type ConnectionState = "connecting" | "connected" | "polling" | "offline" | "signed-out";

export interface Action {
  readonly name: string;
  readonly label: string;
  /** An absolute http, https or mailto address; empty: a button, which dispatches `toasts:action`. */
  readonly url: string;
}

export interface Toast {
  /** Always a string here, whatever the server's key is. */
  readonly id: string;
  readonly message: string;
  readonly title: string;
  readonly level: Level;
  /** An absolute http, https or mailto address, or empty. */
  readonly url: string;
  readonly actions: readonly Action[];
  /** This and the other optional ones: absent where a page's own toast was given none. */
  readonly key?: string;
  /** 0 to 100, true when nobody knows how far, or null when there is none. */
  readonly progress: number | true | null;
  /** Seconds on screen; null: from the length of the text, errors and actions until dismissed; 0: that too. */
  readonly duration: number | null;
  readonly data?: unknown;
  /** ISO 8601. */
  readonly created_at: string;
  readonly expires_at?: string | null;
  readonly read?: boolean;
  /** True for one of this page's own. */
  readonly local?: boolean;
}

/** A toast from a page's own script: everything but the message may be left out. */
export interface ToastOptions {
  /** One with this id is changed in place; without one it is a new toast. */
  id?: string;
  message?: string;
  title?: string;
  level?: Level;
  /** http, https, mailto or relative; anything else is dropped. */
  url?: string;
  actions?: readonly { name: string; label?: string; url?: string }[];
  /** Several toasts with one key that is not empty are shown as one, with their number. */
  key?: string;
  /** 0 to 100; true: under way, nobody knows how far. */
  progress?: number | true | null;
  /** Seconds; 0: stays. */
  duration?: number | null;
  data?: unknown;
}

/** A text alone is the message. */
export type ToastText = string | ToastOptions;

export interface PromiseTexts<T> {
  loading: ToastText;
  success: ToastText | ((value: T) => ToastText);
  error: ToastText | ((reason: unknown) => ToastText);
}

export interface ToastsApi {
  /** Of this script, as the package's. */
  readonly version: string;
  readonly state: ConnectionState;
  /** The toasts of this page, newest first. */
  list(): Toast[];
  /** Shows a toast of this page alone: the server knows nothing of it. Returns its id. */
  show(toast: ToastText): string;
  /** Changes one, here; an unknown id is ignored. */
  update(id: string | number, changes: ToastText): void;
  /** Closes a toast and marks it read on the server; an unknown id is ignored. */
  dismiss(id: string | number): void;
  dismissAll(): void;
  /** A toast that follows some work to its end. Returns the work's own promise. */
  promise<T>(work: PromiseLike<T> | (() => PromiseLike<T> | T), texts: PromiseTexts<T>): Promise<T>;
  /** Holds back what comes, unseen and unheard, until called with false. */
  mute(on?: boolean): void;
  /**
   * Listens to one of the events below, by its name without `toasts:`.
   * @returns a function that ends it.
   */
  on<Name extends EventName>(name: Name, listener: (detail: Details[Name]) => void): () => void;
  /**
   * Calls `listener` at once and after every change with the toasts of this page, newest first.
   * @returns a function that ends the subscription.
   */
  subscribe(listener: (toasts: Toast[]) => void): () => void;
}

export interface ShowDetail {
  readonly toast: Toast;
  /** True when a toast that the page had already has changed. */
  readonly updated: boolean;
  /** True when it was there before the page connected. */
  readonly snapshot: boolean;
}

export interface DismissDetail {
  readonly id: string;
  readonly toast: Toast;
  /** By this page's user, by the server (another tab, expiry), by its time, or because the session ended. */
  readonly reason: "user" | "remote" | "timeout" | "signed-out";
}

export interface ReadDetail {
  readonly id: string;
  readonly toast: Toast;
  readonly reason: "user" | "remote";
}

export interface ActionDetail {
  readonly id: string;
  readonly name: string;
}

export interface StateDetail {
  readonly state: ConnectionState;
}

/** Nothing: see `list()`, or ask the server. */
export type SyncDetail = null;

export interface Details {
  show: ShowDetail;
  dismiss: DismissDetail;
  read: ReadDetail;
  action: ActionDetail;
  sync: SyncDetail;
  connected: StateDetail;
  disconnected: StateDetail;
}

export type EventName = keyof Details;

declare global {
  interface Window {
    readonly toasts: ToastsApi;
  }

  interface DocumentEventMap {
    "toasts:show": CustomEvent<ShowDetail>;
    /** It left the list of this page, whatever the reason. */
    "toasts:dismiss": CustomEvent<DismissDetail>;
    /** It is read (or expired), and not only off this screen. */
    "toasts:read": CustomEvent<ReadDetail>;
    /** Cancelable: a toast whose action's event is prevented stays, unread. */
    "toasts:action": CustomEvent<ActionDetail>;
    /** News from the server about the user's toasts, also about those that are not on this screen. */
    "toasts:sync": CustomEvent<SyncDetail>;
    "toasts:connected": CustomEvent<StateDetail>;
    "toasts:disconnected": CustomEvent<StateDetail>;
  }
}
