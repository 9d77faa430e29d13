/** All that the logic needs of its surroundings, in one place, so that tests can bring their own. */

export const world = {
  now: () => Date.now(),
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: (timer) => clearTimeout(timer),
  random: () => Math.random(),
  fetch: (...request) => fetch(...request),
  EventSource: globalThis.EventSource,
};
