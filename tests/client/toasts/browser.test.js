import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld, status, toast, wire } from "../fakes.js";

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

/** Return a tab that leads, with a channel to other tabs. */
async function aLeaderWithTabs() {
  const world = newWorld({ respond: () => status(503) });
  const sent = [];
  let channel;
  class Channel {
    constructor() {
      channel = this;
    }

    postMessage(message) {
      sent.push(structuredClone(message));
    }
  }
  Object.assign(globalThis, { BroadcastChannel: Channel });
  const modules = "toasts/browser toasts/presence toasts/memory toasts/api";
  const client = fresh(modules, { dataset: { streamUrl: "/stream/", pollUrl: "/poll/" } });
  client.onPresenceChange(() => {});
  client.start(() => {});
  await world.pass(200);
  const receive = (data) => channel.onmessage({ data: { tab: "another", leads: false, ...data } });
  return { world, client: { ...client, receive }, receive, sent };
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
      const { world } = await aLeader(() => status(503));
      world.streams[0].send("sync", { ids: [] }, "alice.1");
      await world.pass(silence);
      returnToPage();
      await world.pass(1_000);
      assert.equal(world.streams.length, opened, String(returnToPage));
    }
  }
});

test("the leader checks its stream when the user returns to another tab", async () => {
  const { world, receive } = await aLeaderWithTabs();
  world.streams[0].send("sync", { ids: [] }, "alice.1");
  await world.pass(20_000);
  world.streams[0].send("ping");
  await world.pass(19_000);
  receive({ owner: "alice", state: "connected", focused: true });
  await world.pass(1_000);
  assert.equal(world.streams.length, 1); // it had the focus before
  receive({ owner: "alice", state: "connected", focused: true, returned: true });
  await world.pass(1_000);
  assert.equal(world.streams.length, 2);
});

test("the leader remembers a dismissal in another tab, even if storage is full", async () => {
  const { world, client, receive } = await aLeaderWithTabs();
  world.streams[0].send("toast", wire(1));
  world.streams[0].send("sync", { ids: [1] }, "alice.1");
  receive({ owner: "alice", state: "connected", leftIds: ["1"], reason: "user" });
  assert.deepEqual([client.pendingDismissals(), client.isHidden(toast(1))], [["1"], true]);
});

test("other tabs get a toast as the server sent it, without the changes of this page", async () => {
  const { world, client, sent } = await aLeaderWithTabs();
  const whole = wire(1, { url: "?page=2", progress: 10 });
  world.streams[0].send("toast", whole);
  world.streams[0].send("sync", { ids: [1] }, "alice.1");
  client.installApi();
  window.toasts.update(1, { progress: 0 / 0, data: () => 1, url: "/own/" });
  assert.equal(window.toasts.list()[0].progress, null);
  sent.length = 0;
  window.toasts.show("the page's own");
  client.receive({ owner: "alice", state: "connected", question: "what-is-active" });
  assert.deepEqual(
    sent.flatMap(({ toasts }) => toasts ?? []),
    [whole],
  );
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
