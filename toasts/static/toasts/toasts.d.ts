/** The types of `window.toasts` and of the events on `document`. */

export type Level = "info" | "success" | "warning" | "error";
export type ConnectionState = "connecting" | "connected" | "polling" | "offline" | "signed-out";

export interface Action {
  readonly name: string;
  readonly label: string;
  /** An absolute http, https or mailto address; empty: a button, which dispatches `toasts:action`. */
  readonly url: string;
}

export interface Toast {
  /** Always a string, also for numeric keys of the server. */
  readonly id: string;
  readonly message: string;
  readonly title: string;
  readonly level: Level;
  /** An absolute http, https or mailto address, or empty. */
  readonly url: string;
  readonly actions: readonly Action[];
  /** Optional properties are absent if a local toast was created without them. */
  readonly key?: string;
  /** 0 to 100; true if the progress is unknown; null: no progress bar. */
  readonly progress: number | true | null;
  /** Seconds on screen. null: from the length of the text; errors and actions until dismissed. 0: until dismissed. */
  readonly duration: number | null;
  readonly data?: unknown;
  /** ISO 8601. */
  readonly created_at: string;
  readonly expires_at?: string | null;
  readonly read?: boolean;
  /** True if a script of this page created the toast. */
  readonly local?: boolean;
}

/** A toast from a script of the page. Only the message is required. */
export interface ToastOptions {
  /** A toast with this id is changed in place. Without an id, a new toast is created. */
  id?: string;
  message?: string;
  title?: string;
  level?: Level;
  /** http, https, mailto or relative; other URLs are ignored. */
  url?: string;
  actions?: readonly { name: string; label?: string; url?: string }[];
  /** Toasts with the same key, if it is not empty, are shown as one, with their number. */
  key?: string;
  /** 0 to 100; true if the progress is unknown. */
  progress?: number | true | null;
  /** Seconds. 0: until dismissed. */
  duration?: number | null;
  data?: unknown;
}

/** The message as text, or a toast. */
export type ToastText = string | ToastOptions;

export interface PromiseTexts<T> {
  loading: ToastText;
  success: ToastText | ((value: T) => ToastText);
  error: ToastText | ((reason: unknown) => ToastText);
}

export interface ToastsApi {
  /** The version of the package. */
  readonly version: string;
  readonly state: ConnectionState;
  /** The toasts of this page, newest first. */
  list(): Toast[];
  /** Shows a toast on this page only, without the server. Returns its id. */
  show(toast: ToastText): string;
  /** Changes a toast on this page only. An unknown id is ignored. */
  update(id: string | number, changes: ToastText): void;
  /** Closes a toast and marks it read on the server. An unknown id is ignored. */
  dismiss(id: string | number): void;
  dismissAll(): void;
  /** Shows a toast for the state of a promise. Returns the promise. */
  promise<T>(work: PromiseLike<T> | (() => PromiseLike<T> | T), texts: PromiseTexts<T>): Promise<T>;
  /** Holds back new toasts and their announcements until called with false. */
  mute(on?: boolean): void;
  /**
   * Adds a listener for an event, named without `toasts:`.
   * @returns a function that removes the listener.
   */
  on<Name extends EventName>(name: Name, listener: (detail: Details[Name]) => void): () => void;
  /**
   * Calls `listener` with the toasts of this page, newest first: at once and after every change.
   * @returns a function that ends the subscription.
   */
  subscribe(listener: (toasts: Toast[]) => void): () => void;
}

export interface ShowDetail {
  readonly toast: Toast;
  /** True if the page already had this toast, and it has changed. */
  readonly updated: boolean;
  /** True if the toast existed before the page connected. */
  readonly snapshot: boolean;
}

export interface DismissDetail {
  readonly id: string;
  readonly toast: Toast;
  /** Closed by the user, by the server (another tab, expiry), by its duration, or by the end of the session. */
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

/** There is no detail: use `list()`, or query the server. */
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
    /** A toast left the list of this page, for any reason. */
    "toasts:dismiss": CustomEvent<DismissDetail>;
    /** A toast is read or expired, not only off this screen. */
    "toasts:read": CustomEvent<ReadDetail>;
    /** Cancelable: after `preventDefault()`, the toast stays and remains unread. */
    "toasts:action": CustomEvent<ActionDetail>;
    /** The server reported a change of the user's toasts, also of toasts that are not on this screen. */
    "toasts:sync": CustomEvent<SyncDetail>;
    "toasts:connected": CustomEvent<StateDetail>;
    "toasts:disconnected": CustomEvent<StateDetail>;
  }
}
