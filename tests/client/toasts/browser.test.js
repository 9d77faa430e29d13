import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld, status, toast } from "../fakes.js";

/** A tab that leads, alone: without a channel every tab does. */
async function aLeader(respond) {
  const world = newWorld({ respond });
  globalThis.BroadcastChannel = function () { throw new DOMException("none here", "SecurityError"); };
  const client = fresh("toasts/browser toasts/presence toasts/memory", { dataset: { streamUrl: "/stream/", pollUrl: "/poll/" } });
  client.whenSeen(() => {});
  client.start(() => {});
  await world.pass(0);
  return { world, client };
}

test("another window's focus is no reason to ask the server, to come back to the page is", async () => {
  const { world } = await aLeader(() => status(503, { "Retry-After": "60" }));
  world.streams.at(-1).fail();
  await world.pass(2_000);
  for (let round = 0; round < 10; round++) {
    for (const type of ["blur", "focus"]) window.dispatchEvent(new Event(type));
    await world.pass(1_000);
  }
  assert.equal(world.streams.length, 1); // as the server wishes
  document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(world.streams.length, 2);
});

test("what a second leader takes for all takes no mark of what was hidden from this one", async () => {
  const world = newWorld({ respond: () => status(503) });
  let channel;
  globalThis.BroadcastChannel = class {
    constructor() {
      channel = this;
    }

    postMessage() {}
  };
  const client = fresh("toasts/browser toasts/presence toasts/memory", { dataset: { streamUrl: "/stream/", pollUrl: "/poll/" } });
  client.whenSeen(() => {});
  client.start(() => {});
  await world.pass(200);
  world.streams.at(-1).send("sync", { ids: [1] }, "alice.1");
  client.remember(toast(1));
  channel.onmessage({ data: { _leads: true, _tab: "", _who: "alice", _state: "connected", _put: [], _ids: ["2"] } });
  assert.ok(client.hides(toast(1)));
  world.streams.at(-1).send("sync", { ids: [2] }, "alice.2");
  assert.ok(!client.hides(toast(1)));
});
