/**
 * What the scripts of the demo pages find in their pages. Elements that a selector finds, and events, are not
 * checked: only the templates know their types.
 */

export {};

declare global {
  const htmx: any;
  const toastFeeds: { open(url: string, options?: Record<string, any>): any };

  interface Window {
    readonly toastFeeds: typeof toastFeeds;
  }

  interface ParentNode {
    querySelector(selectors: string): any;
    querySelectorAll(selectors: string): NodeListOf<any>;
  }

  interface EventTarget {
    addEventListener(type: string, listener: (event: any) => void, options?: unknown): void;
  }
}
