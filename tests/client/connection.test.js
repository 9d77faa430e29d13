import assert from "node:assert/strict";
import { test } from "node:test";

import { createConnection } from "../../toasts/client/connection.js";
import { createPoll } from "../../toasts/client/poller.js";
import { json, newInbox, newStore, newWorld, status, wire } from "./fakes.js";

const DOWN = () => { throw new TypeError("network"); };

function newConnection(respond) {
  const world = newWorld({ respond });
  const { store, ids, changes } = newStore();
  const states = [];
  const connection = createConnection({
    streamUrl: "/stream/",
    poll: createPoll({ url: "/poll/", world }),
    heartbeat: 15_000,
    world,
    inbox: newInbox(world, store),
    onState: (state) => states.push(state),
  });
  connection.start();
  return { world, connection, store, ids, changes, states, stream: () => world.streams.at(-1), opened: () => world.streams.length };
}

async function connected(respond) {
  const whole = newConnection(respond);
  whole.stream().send("sync", { ids: [] });
  await whole.world.pass(20_000);
  whole.stream().send("ping");
  assert.equal(whole.connection.state, "connected");
  return whole;
}

test("a stream counts as connected at its first event", async () => {
  const { world, connection, stream } = newConnection();
  await world.pass(100);
  assert.equal(connection.state, "connecting");
  assert.equal(stream().url, "/stream/");
  stream().send("sync", { ids: [] });
  assert.equal(connection.state, "connected");
});

test("a snapshot is one change, at its sync", async () => {
  const { stream, ids, changes } = newConnection();
  stream().send("toast", wire(1));
  stream().send("toast", wire(2));
  stream().send("dismiss", { ids: [1] });
  assert.deepEqual(ids(), []);
  stream().send("sync", { ids: [2] });
  assert.deepEqual(ids(), ["2"]);
  assert.equal(changes.length, 1);
  assert.equal(changes[0].origin, "snapshot");
});

test("a snapshot without an end is shown all the same", async () => {
  const { world, stream, ids } = newConnection();
  stream().send("toast", wire(1));
  await world.pass(1_000);
  assert.deepEqual(ids(), ["1"]);
});

test("a stream that is slow to come brings its snapshot as one change all the same", async () => {
  const { world, stream, changes } = newConnection();
  await world.pass(5_000);
  stream().send("toast", wire(1));
  stream().send("toast", wire(2));
  stream().send("sync", { ids: [1, 2] });
  assert.deepEqual(changes.map(({ origin }) => origin), ["snapshot"]);
});

test("a browser without streams, or whose policy forbids them, polls", async () => {
  const world = newWorld({ respond: () => json({ toasts: [wire(1)], cursor: "1" }) });
  world.EventSource = function () { throw new DOMException("policy", "SecurityError"); };
  const { store, ids } = newStore();
  const connection = createConnection({ streamUrl: "/stream/", poll: createPoll({ url: "/poll/", world }), heartbeat: 15_000,
    world, inbox: newInbox(world, store), onState() {} });
  connection.start();
  await world.pass(5_000);
  assert.equal(connection.state, "polling");
  assert.deepEqual(ids(), ["1"]);
});

test("live events are shown at once, changed, dismissed and synchronised", async () => {
  const { stream, ids, store } = await connected();
  stream().send("toast", wire(1));
  stream().send("toast", wire(2));
  stream().send("toast", wire(3));
  stream().send("toast", wire(2, { message: "changed" }));
  assert.deepEqual(ids(), ["3", "2", "1"]);
  assert.equal(store.get("2").message, "changed");
  stream().send("dismiss", { ids: ["3"] });
  stream().send("sync", { ids: [2] });
  assert.deepEqual(ids(), ["2"]);
});

test("a broken event is passed over", async () => {
  const { stream, ids, connection } = await connected();
  for (const data of ["{", "null", "5", '"x"', "[]", "", '{"ids": 5}', '{"message": "no id"}']) {
    for (const type of ["toast", "dismiss", "ping"]) stream().send(type, data);
  }
  stream().send("toast", wire(1));
  assert.deepEqual(ids(), ["1"]);
  assert.equal(connection.state, "connected");
});

test("a lost stream is opened again within its first second, without a probe", async () => {
  const { world, connection, stream, opened } = await connected();
  stream().fail();
  assert.equal(connection.state, "connecting");
  assert.ok(world.streams[0].closed);
  await world.pass(999);
  assert.equal(opened(), 1);
  await world.pass(1);
  assert.equal(opened(), 2);
  assert.equal(world.requests.length, 0);
});

test("a stream that breaks at once again and again is asked for less and less", async () => {
  const { world, opened, stream } = newConnection();
  const gaps = [];
  for (let round = 0; round < 7; round++) {
    stream().send("sync", { ids: [] });
    stream().fail();
    const before = opened();
    let waited = 0;
    for (; opened() === before; waited += 1_000) await world.pass(1_000);
    gaps.push(waited);
  }
  assert.deepEqual(gaps, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

test("whoever is signed out is asked twice and then left alone", async () => {
  const { world, connection, stream, opened } = newConnection(() => status(204));
  stream().fail();
  await world.pass(600_000);
  assert.equal(connection.state, "signed-out");
  assert.deepEqual([opened(), world.requests.length, world.timers], [1, 1, 0]);
});

test("a farewell for lost rights empties the page and asks once more", async () => {
  let answer = status(204);
  const { world, connection, stream, ids, opened, changes } = await connected(() => answer);
  stream().send("toast", wire(1));
  stream().send("bye", { reason: "auth" });
  assert.deepEqual(ids(), []);
  assert.equal(changes.at(-1).removed[0].reason, "signed-out");
  await world.pass(1_000);
  assert.equal(opened(), 2);
  stream().fail();
  await world.pass(0);
  assert.equal(connection.state, "signed-out");
  answer = null;
  connection.again(); // signed in again without a reload
  stream().send("sync", { ids: [] });
  assert.equal(connection.state, "connected");
});

test("a session that was renewed goes on", async () => {
  const { world, connection, stream } = await connected();
  stream().send("bye", { reason: "auth" });
  await world.pass(1_000);
  stream().send("sync", { ids: [] });
  assert.equal(connection.state, "connected");
});

test("a restart is spread over three seconds, a rotation over one and unseen", async () => {
  for (const [reason, most, told] of [["restart", 3_000, ["connecting", "connected"]], ["rotate", 1_000, []]]) {
    const { world, stream, opened, states } = await connected();
    states.length = 0;
    stream().send("bye", { reason });
    assert.ok(world.streams[0].closed);
    await world.pass(most - 1);
    assert.equal(opened(), 1);
    await world.pass(1);
    assert.equal(opened(), 2);
    stream().send("sync", { ids: [] });
    assert.deepEqual(states, told, reason);
  }
});

test("the superseded tab polls slowly and does not fight for the stream", async () => {
  const { world, connection, stream, opened, ids } = await connected(() => json({ toasts: [wire(5)], cursor: "1" }));
  stream().send("bye", { reason: "superseded" });
  assert.equal(connection.state, "polling");
  await world.pass(50_000);
  assert.equal(world.requests.length, 0);
  await world.pass(600_000);
  assert.deepEqual(ids(), ["5"]);
  assert.equal(opened(), 1);
  assert.ok(world.requests.length >= 9 && world.requests.length <= 11, String(world.requests.length));
  assert.ok(world.requests.every(({ url }) => !url.includes("wait")));
});

test("after three attempts without a stream polling takes over, and yields to the stream later", async () => {
  let cursor = 0;
  const { world, connection, stream, ids, opened, states } = newConnection((url) =>
    url.includes("wait") ? new Promise(() => {}) : json({ toasts: [wire(1)], cursor: String((cursor += 1)) }));
  for (let attempt = 0; attempt < 3; attempt++) {
    stream().fail();
    await world.pass(attempt < 2 ? 4_000 : 0);
  }
  assert.equal(connection.state, "polling");
  assert.deepEqual(ids(), ["1"]);
  assert.equal(opened(), 3);
  await world.pass(10);
  assert.equal(world.requests.at(-1).url, "/poll/?wait=25&cursor=3");
  await world.pass(75_000);
  assert.equal(opened(), 4);
  assert.equal(connection.state, "polling");
  stream().send("sync", { ids: [1] });
  assert.equal(connection.state, "connected");
  assert.ok(world.requests.at(-1).signal.aborted);
  assert.deepEqual(states.filter((state) => state !== "connecting"), ["polling", "connected"]);
});

test("a server that does not wait is polled every ten to fifteen seconds", async () => {
  const { world, stream } = newConnection(() => json({ toasts: [], cursor: "7" }));
  for (let attempt = 0; attempt < 3; attempt++) {
    stream().fail();
    await world.pass(attempt < 2 ? 4_000 : 0);
  }
  const before = world.requests.length;
  await world.pass(45_000);
  const polls = world.requests.length - before;
  assert.ok(polls >= 3 && polls <= 5, String(polls));
});

test("no network is offline, and the network's return is noticed at once", async () => {
  let respond = DOWN;
  const { world, connection, stream, opened } = newConnection((...request) => respond(...request));
  stream().fail();
  await world.pass(0);
  assert.equal(connection.state, "offline");
  const before = opened();
  respond = () => json({ toasts: [], cursor: "0" });
  connection.wake();
  assert.equal(opened(), before + 1);
});

test("when the browser says that the network is gone, the stream is not waited for", async () => {
  let respond = DOWN;
  const { world, connection, stream, opened } = await connected((...request) => respond(...request));
  connection.doubt();
  assert.ok(world.streams[0].closed);
  await world.pass(1_000);
  stream().fail();
  await world.pass(0);
  assert.equal(connection.state, "offline");
  connection.wake();
  stream().send("sync", { ids: [] });
  assert.equal(connection.state, "connected");
  connection.stop();
  connection.doubt();
  await world.pass(60_000);
  assert.equal(opened(), 3);
});

test("a server in trouble is asked with growing pauses for ever, and as it wishes", async () => {
  const { world, connection, stream } = newConnection(() => status(503, { "Retry-After": "60" }));
  stream().fail();
  await world.pass(59_000);
  assert.equal(world.streams.length, 1);
  await world.pass(1_000);
  assert.equal(world.streams.length, 2);
  for (let attempt = 0; attempt < 50; attempt++) {
    stream().fail();
    await world.pass(60_000);
  }
  assert.equal(world.streams.length, 52);
  assert.equal(connection.state, "connecting");
});

test("an answer that is no JSON is trouble, or a login page when it was redirected to", async () => {
  const html = (redirected) => Object.defineProperty(new Response("<html>"), "redirected", { value: redirected });
  for (const [redirected, state] of [[false, "connecting"], [true, "signed-out"]]) {
    const { world, connection, stream } = newConnection(() => html(redirected));
    stream().fail();
    await world.pass(10);
    assert.equal(connection.state, state);
  }
});

test("a mute stream is opened again after two and a half heartbeats", async () => {
  const { world, opened, connection } = await connected();
  await world.pass(37_499);
  assert.equal(connection.state, "connected");
  await world.pass(1);
  assert.equal(connection.state, "connecting");
  await world.pass(1_000);
  assert.equal(opened(), 2);
});

test("a stream that opens but says nothing for ten seconds has failed", async () => {
  const { world, ids } = newConnection(() => json({ toasts: [wire(1)], cursor: "1" }));
  await world.pass(10_000);
  assert.ok(world.streams[0].closed);
  assert.deepEqual(ids(), ["1"]); // the probe brought what the proxy held back
});

test("sleep alone cuts nothing; a stream that stays mute after it is opened again at once", async () => {
  const healthy = await connected();
  healthy.world.sleep(3_600_000);
  healthy.connection.wake();
  healthy.stream().send("ping");
  await healthy.world.pass(5_000);
  assert.equal(healthy.opened(), 1);

  const dead = await connected();
  dead.world.sleep(3_600_000);
  dead.connection.wake();
  await dead.world.pass(2_000);
  assert.equal(dead.opened(), 2);
});

test("time asleep is not counted as silence", async () => {
  const { world, opened, connection } = await connected();
  world.sleep(3_600_000);
  await world.pass(10_000);
  assert.equal(connection.state, "connected");
  assert.equal(opened(), 1);
});

test("a look at the page does not cut a stream that spoke lately", async () => {
  const { world, opened, connection } = await connected();
  await world.pass(20_000);
  connection.wake();
  await world.pass(5_000);
  assert.equal(opened(), 1);
});

test("a stopped connection leaves nothing behind, and starts anew", async () => {
  const { world, connection, stream, opened } = await connected();
  connection.stop();
  assert.ok(stream().closed);
  assert.equal(world.timers, 0);
  await world.pass(600_000);
  connection.wake();
  assert.equal(opened(), 1);
  connection.start();
  connection.start();
  assert.equal(opened(), 2);
});

test("a probe that comes back after the stop is not believed", async () => {
  let answer;
  const { world, connection, stream, ids } = newConnection(() => new Promise((resolve) => (answer = resolve)));
  stream().fail();
  await world.pass(0);
  connection.stop();
  answer(json({ toasts: [wire(1)], cursor: "1" }));
  await world.pass(0);
  assert.deepEqual(ids(), []);
  assert.equal(world.timers, 0);
});
