import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld, status } from "../fakes.js";

test("every event of a return to the page replaces a stream whose ping is overdue", async () => {
  const returns = [
    ...["focus", "pageshow", "online"].map((type) => () => window.dispatchEvent(new Event(type))),
    ...["resume", "visibilitychange"].map((type) => () => document.dispatchEvent(new Event(type))),
  ];
  for (const returnToPage of returns) {
    for (const [silence, opened] of [
      [15_000, 1],
      [19_000, 2],
    ]) {
      const world = newWorld({ respond: () => status(503) });
      fresh("feeds/index");
      const { toastFeeds } = /** @type {any} */ (window);
      toastFeeds.open("/feeds/orders/", { transports: ["sse"] });
      await world.pass(0);
      world.streams[0].send("sync", { keys: [] });
      await world.pass(silence);
      returnToPage();
      await world.pass(2_000);
      assert.equal(world.streams.length, opened, String(returnToPage));
    }
  }
});
