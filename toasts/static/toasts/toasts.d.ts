/** Types of what the client gives the page: `window.toasts` and events on `document`. */

export type Level = "info" | "success" | "warning" | "error";
export type ConnectionState = "connecting" | "connected" | "polling" | "offline" | "signed-out";

export interface Action {
  readonly name: string;
  readonly label: string;
  /** An absolute http, https or mailto address; empty: a button, which tells `toasts:action`. */
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
  readonly key: string;
  /** 0 to 100, or null when there is none. */
  readonly progress: number | null;
  /** Seconds on screen; null: from the length of the text, errors and actions until dismissed; 0: that too. */
  readonly duration: number | null;
  readonly data: unknown;
  /** ISO 8601. */
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly read: boolean;
}

export interface ToastsApi {
  readonly version: string;
  readonly state: ConnectionState;
  /** The toasts of this page, newest first. */
  list(): Toast[];
  /** Closes a toast and marks it read on the server; an unknown id is ignored. */
  dismiss(id: string | number): void;
  dismissAll(): void;
  /**
   * Calls `listener` at once and after every change.
   * @returns a function that ends the subscription.
   */
  subscribe(listener: (toasts: Toast[]) => void): () => void;
}

export interface ReceivedDetail {
  readonly toast: Toast;
  /** True when a toast that the page had already has changed. */
  readonly updated: boolean;
  /** True when it was there before the page connected. */
  readonly snapshot: boolean;
}

export interface DismissedDetail {
  readonly id: string;
  readonly toast: Toast;
  /** By this page, by the server (another tab, expiry), or because the session ended. */
  readonly reason: "user" | "remote" | "signed-out";
}

export interface ActionDetail {
  readonly id: string;
  readonly name: string;
}

export interface StateDetail {
  readonly state: ConnectionState;
}

declare global {
  interface Window {
    readonly toasts: ToastsApi;
  }

  interface DocumentEventMap {
    "toasts:received": CustomEvent<ReceivedDetail>;
    /** Not sent when a toast leaves the screen because its time is up: it is still unread. */
    "toasts:dismissed": CustomEvent<DismissedDetail>;
    /** Cancelable: a toast whose action's event is prevented stays, unread. */
    "toasts:action": CustomEvent<ActionDetail>;
    "toasts:connected": CustomEvent<StateDetail>;
    "toasts:disconnected": CustomEvent<StateDetail>;
  }
}
