import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, json, newWorld, status, wire } from "../fakes.js";

const DOWN = () => { throw new TypeError("network"); };
const SNAPSHOT = "alice.1"; // the id of a sync

function newConnection(respond, prepare = () => {}) {
  const world = newWorld({ respond });
  prepare();
  const states = [];
  const told = [];
  const changes = [];
  let toasts = new Map();
  let who;
  const state = () => states.at(-1) ?? "connecting";
  const connection = { ...fresh("toasts/connection", { dataset: { streamUrl: "/stream/", pollUrl: "/poll/" } }), state };
  connection.start({
    _show: (state) => states.push(state),
    _become(id) {
      if (id !== who) toasts = new Map();
      who = id;
    },
    _change(change) {
      const { _put = [], _ids, _gone } = change;
      changes.push(change);
      if (_put[0] || _ids || _gone) told.push(_ids ? "all" : _gone ? "gone" : "put");
      for (const toast of _put) toasts.set(`${toast.id}`, toast);
      for (const id of toasts.keys()) if (_ids && !_ids.includes(id)) toasts.delete(id);
      _gone?.forEach((id) => toasts.delete(`${id}`));
    },
  });
  return { world, connection, states, told, changes, toasts: () => toasts, ids: () => [...toasts.keys()], who: () => who,
    stream: () => world.streams.at(-1), opened: () => world.streams.length };
}

async function connected(respond) {
  const whole = newConnection(respond);
  whole.stream().send("sync", { ids: [] }, SNAPSHOT);
  await whole.world.pass(20_000);
  whole.stream().send("ping");
  assert.equal(whole.connection.state(), "connected");
  return whole;
}

test("a stream counts as connected at its first snapshot, which says whose it is", async () => {
  const { world, connection, stream, who } = newConnection();
  await world.pass(100);
  assert.equal(connection.state(), "connecting");
  assert.equal(stream().url, "/stream/");
  stream().send("ping");
  assert.equal(connection.state(), "connecting");
  stream().send("sync", { ids: [] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
  assert.equal(who(), SNAPSHOT);
});

test("a snapshot is told at its sync, in one piece", async () => {
  const { stream, ids, told } = newConnection();
  stream().send("toast", wire(1));
  stream().send("toast", wire(2));
  stream().send("dismiss", { ids: [1] });
  assert.deepEqual(ids(), []);
  stream().send("sync", { ids: [2] }, SNAPSHOT);
  assert.deepEqual([ids(), told], [["2"], ["gone", "all"]]);
});

test("a browser without streams, or whose policy forbids them, polls", async () => {
  const forbid = () => {
    globalThis.EventSource = function () { throw new DOMException("policy", "SecurityError"); };
  };
  const { world, connection, ids, who } = newConnection(() => json({ toasts: [wire(1)], cursor: "alice.1" }), forbid);
  await world.pass(5_000);
  assert.equal(connection.state(), "polling");
  assert.deepEqual([ids(), who()], [["1"], "alice.1"]);
});

test("each ping says that the server is well", async () => {
  const { stream, changes } = await connected();
  const before = changes.length;
  stream().send("ping");
  assert.deepEqual(changes.slice(before), [{}]);
});

test("live events are told at once", async () => {
  const { stream, ids, toasts, connection } = await connected();
  stream().send("toast", wire(1));
  stream().send("toast", wire(2));
  stream().send("toast", wire(3));
  stream().send("toast", wire(2, { message: "changed" }));
  assert.deepEqual(ids(), ["1", "2", "3"]);
  assert.equal(toasts().get("2").message, "changed");
  stream().send("dismiss", { ids: ["3"] });
  assert.deepEqual(ids(), ["1", "2"]);
  stream().send("sync", { ids: [2] }, SNAPSHOT);
  assert.deepEqual(ids(), ["2"]);
});

test("a broken event is passed over", async () => {
  const { stream, ids, connection } = await connected();
  for (const data of ["{", "null", ""]) for (const type of ["toast", "dismiss", "ping"]) stream().send(type, data);
  stream().send("toast", wire(1));
  assert.deepEqual(ids(), ["1"]);
  assert.equal(connection.state(), "connected");
});

test("a lost stream is opened again after one to two seconds, without a probe", async () => {
  const { world, connection, stream, opened } = await connected();
  stream().fail();
  assert.equal(connection.state(), "connecting");
  assert.ok(world.streams[0].closed);
  await world.pass(1_999);
  assert.equal(opened(), 1);
  await world.pass(1);
  assert.equal(opened(), 2);
  assert.equal(world.requests.length, 0);
});

test("a stream that breaks at once again and again is asked for less and less", async () => {
  const { world, opened, stream } = newConnection();
  const gaps = [];
  for (let round = 0; round < 7; round++) {
    stream().send("sync", { ids: [] }, SNAPSHOT);
    stream().fail();
    const before = opened();
    let waited = 0;
    for (; opened() === before; waited += 1_000) await world.pass(1_000);
    gaps.push(waited);
  }
  assert.deepEqual(gaps, [2_000, 3_000, 5_000, 9_000, 17_000, 30_000, 30_000]);
});

test("whoever is signed out is asked for twice, and then once in five minutes", async () => {
  let answer = () => status(204);
  const { world, connection, stream, opened, who } = newConnection(() => answer());
  stream().fail();
  await world.pass(299_000);
  assert.deepEqual([connection.state(), who(), opened(), world.requests.length], ["signed-out", "", 1, 1]);
  connection.wake();
  assert.deepEqual([opened(), world.requests.length], [1, 1]);
  await world.pass(1_000);
  assert.deepEqual([opened(), world.requests.length], [1, 2]);
  answer = DOWN;
  await world.pass(300_000);
  assert.deepEqual([connection.state(), world.requests.length], ["signed-out", 3]);
  answer = () => json({ toasts: [], cursor: "bob.1" });
  await world.pass(300_000);
  assert.deepEqual([who(), opened()], ["bob.1", 2]);
});

test("a farewell for lost rights empties the page and asks once more", async () => {
  const { world, connection, stream, ids, opened, who } = await connected(() => status(204));
  stream().send("toast", wire(1));
  stream().send("bye", { reason: "auth" });
  assert.deepEqual([ids(), who()], [[], ""]);
  await world.pass(2_000);
  assert.equal(opened(), 2);
  stream().fail();
  await world.pass(0);
  assert.equal(connection.state(), "signed-out");
  connection.restart(); // signed in again without a reload
  await world.pass(1_000);
  stream().send("sync", { ids: [] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
});

test("a session that was renewed goes on", async () => {
  const { world, connection, stream } = await connected();
  stream().send("bye", { reason: "auth" });
  await world.pass(2_000);
  stream().send("sync", { ids: [] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
});

test("a restart is followed by an attempt within two seconds, a rotation by one at once that nobody sees", async () => {
  for (const [reason, most, told] of [["restart", 2_000, ["connecting", "connected"]], ["rotate", 0, []]]) {
    const { world, stream, opened, states } = await connected();
    states.length = 0;
    stream().send("bye", { reason });
    assert.ok(world.streams[0].closed);
    await world.pass(most - 1);
    assert.equal(opened(), most ? 1 : 2);
    await world.pass(1);
    assert.equal(opened(), 2);
    stream().send("sync", { ids: [] }, SNAPSHOT);
    assert.deepEqual(states, told, reason);
  }
});

test("streams that are rotated at once are opened once a second", async () => {
  const { world, stream, opened } = await connected();
  for (let tenth = 0; tenth < 100; tenth++) {
    if (!stream().closed) stream().send("bye", { reason: "rotate" });
    await world.pass(100);
  }
  assert.ok(opened() <= 12, String(opened()));
});

test("the superseded browser polls slowly, and takes the stream again when somebody looks at it", async () => {
  const { world, connection, stream, opened, ids } = await connected(() => json({ toasts: [wire(5)], cursor: "alice.1" }));
  stream().send("bye", { reason: "superseded" });
  assert.equal(connection.state(), "polling");
  await world.pass(50_000);
  assert.equal(world.requests.length, 0);
  await world.pass(600_000);
  assert.deepEqual(ids(), ["5"]);
  assert.equal(opened(), 1);
  assert.ok(world.requests.length >= 9 && world.requests.length <= 11, String(world.requests.length));
  assert.ok(world.requests.every(({ url }) => !url.includes("wait")));
  connection.wake();
  assert.equal(opened(), 2);
  stream().send("sync", { ids: [] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
});

test("polling takes over at once, and yields to the stream, tried again soon and then once a minute", async () => {
  const { world, connection, stream, ids, opened, states } = newConnection((url) =>
    url.includes("wait") ? new Promise(() => {}) : json({ toasts: [wire(1)], cursor: "alice.1" }));
  stream().fail();
  await world.pass(0);
  assert.equal(connection.state(), "polling");
  assert.deepEqual(ids(), ["1"]);
  await world.pass(2_000);
  assert.equal(world.requests.at(-1).url, "/poll/?wait=25&cursor=alice.1");
  assert.equal(opened(), 2);
  stream().fail();
  await world.pass(74_000);
  assert.equal(opened(), 2);
  await world.pass(2_000);
  assert.equal(opened(), 3);
  assert.equal(connection.state(), "polling");
  stream().send("sync", { ids: [1] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
  assert.ok(world.requests.at(-1).signal.aborted);
  assert.deepEqual(states, ["polling", "connected"]);
});

test("a server that does not wait is polled every ten to fifteen seconds", async () => {
  const { world, stream } = newConnection(() => json({ toasts: [], cursor: "alice.7" }));
  stream().fail();
  await world.pass(2_000);
  stream().fail();
  await world.pass(4_000);
  const before = world.requests.length;
  await world.pass(45_000);
  const polls = world.requests.length - before;
  assert.ok(polls >= 3 && polls <= 5, String(polls));
});

test("a server that answers each long poll at once with something new is asked once a second", async () => {
  let cursor = 0;
  const { world, stream } = newConnection(() => json({ toasts: [], cursor: `alice.${(cursor += 1)}` }));
  stream().fail();
  await world.pass(10_000);
  assert.ok(world.requests.length <= 11, String(world.requests.length));
});

test("no network is offline, and the network's return is noticed at once", async () => {
  let respond = DOWN;
  const { world, connection, stream, opened } = newConnection((...request) => respond(...request));
  stream().fail();
  await world.pass(1_100);
  assert.equal(connection.state(), "offline");
  const before = opened();
  respond = () => json({ toasts: [], cursor: "alice.0" });
  connection.wake();
  assert.equal(opened(), before + 1);
});

test("however often somebody looks, nothing is asked for more than once a second", async () => {
  const { world, connection, stream, opened } = newConnection(DOWN);
  stream().fail();
  for (let look = 0; look < 100; look++) {
    connection.wake();
    await world.pass(100);
    if (!stream().closed) stream().fail();
  }
  assert.ok(opened() <= 11, String(opened()));
});

test("when the browser says that the network is gone, the stream is not waited for", async () => {
  const { world, connection, stream, opened } = await connected(DOWN);
  connection.restart();
  assert.ok(world.streams[0].closed);
  stream().fail(); // as it does at once without a network
  await world.pass(0);
  assert.equal(connection.state(), "offline");
  await world.pass(2_000);
  stream().send("sync", { ids: [] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
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
  assert.equal(connection.state(), "connecting");
});

test("a poll that fails late opens no stream beside the one that is under way", async () => {
  let answer;
  const { world, stream, opened } = newConnection(() => new Promise((resolve) => (answer = resolve)));
  stream().fail();
  await world.pass(2_000);
  assert.equal(opened(), 2);
  answer(status(503));
  await world.pass(9_000);
  assert.deepEqual([opened(), stream().closed], [2, false]);
});

test("a mute stream is opened again after two and a half heartbeats", async () => {
  const { world, opened, connection } = await connected();
  await world.pass(35_000);
  assert.equal(connection.state(), "connected");
  await world.pass(2_500);
  assert.equal(connection.state(), "connecting");
  await world.pass(2_000);
  assert.equal(opened(), 2);
});

test("a stream that opens but says nothing has failed within fifteen seconds, and polling brings what a proxy held back", async () => {
  const { world, ids, connection } = newConnection(() => json({ toasts: [wire(1)], cursor: "alice.1" }));
  await world.pass(12_000);
  assert.ok(world.streams[0].closed);
  assert.deepEqual([ids(), connection.state()], [["1"], "polling"]);
});

test("sleep alone cuts nothing; a stream that stays mute after it is opened again within two seconds", async () => {
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
  assert.ok(dead.world.streams[0].closed);
});

test("time asleep is not counted as silence", async () => {
  const { world, opened, connection } = await connected();
  world.sleep(3_600_000);
  await world.pass(10_000);
  assert.equal(connection.state(), "connected");
  assert.equal(opened(), 1);
});

test("a tab whose own timers are slow is driven by the others' questions", async () => {
  const { world, connection } = await connected();
  for (let second = 0; second < 37; second++) {
    world.sleep(1_000);
    connection.tick();
  }
  assert.equal(connection.state(), "connecting");
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
  assert.equal(opened(), 1);
  connection.restart();
  connection.wake();
  assert.equal(opened(), 2);
});

test("a probe that comes back after the stop is not believed", async () => {
  let answer;
  const { world, connection, stream, ids } = newConnection(() => new Promise((resolve) => (answer = resolve)));
  stream().fail();
  await world.pass(0);
  connection.stop();
  answer(json({ toasts: [wire(1)], cursor: "alice.1" }));
  await world.pass(0);
  assert.deepEqual(ids(), []);
});
