import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld, status, toast } from "../fakes.js";

function forbidden() {
  throw new DOMException("none here", "SecurityError");
}

/** A single tab that leads: without a channel every tab does. */
async function aLeader(respond) {
  const world = newWorld({ respond });
  Object.assign(globalThis, { BroadcastChannel: forbidden });
  const client = fresh("toasts/browser toasts/presence toasts/memory", {
    dataset: { streamUrl: "/stream/", pollUrl: "/poll/" },
  });
  client.onPresenceChange(() => {});
  client.start(() => {});
  await world.pass(0);
  return { world, client };
}

test("the server is asked when the user returns to the page, not when another window has the focus", async () => {
  const { world } = await aLeader(() => status(503, { "Retry-After": "60" }));
  world.streams.at(-1).fail();
  await world.pass(2_000);
  for (let round = 0; round < 10; round++) {
    for (const type of ["blur", "focus"]) window.dispatchEvent(new Event(type));
    await world.pass(1_000);
  }
  assert.equal(world.streams.length, 1); // as Retry-After says
  document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(world.streams.length, 2);
});

test("a second leader's list of active toasts does not clear the toasts that were hidden in this tab", async () => {
  const world = newWorld({ respond: () => status(503) });
  let channel;
  class Channel {
    constructor() {
      channel = this;
    }

    postMessage() {}
  }
  Object.assign(globalThis, { BroadcastChannel: Channel });
  const client = fresh("toasts/browser toasts/presence toasts/memory", {
    dataset: { streamUrl: "/stream/", pollUrl: "/poll/" },
  });
  client.onPresenceChange(() => {});
  client.start(() => {});
  await world.pass(200);
  world.streams.at(-1).send("sync", { ids: [1] }, "alice.1");
  client.markHidden(toast(1));
  channel.onmessage({
    data: {
      leads: true,
      tab: "",
      owner: "alice",
      state: "connected",
      toasts: [],
      activeIds: ["2"],
    },
  });
  assert.ok(client.isHidden(toast(1)));
  world.streams.at(-1).send("sync", { ids: [2] }, "alice.2");
  assert.ok(!client.isHidden(toast(1)));
});
