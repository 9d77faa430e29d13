import assert from "node:assert/strict";
import { test } from "node:test";

import { json, status, wire } from "../fakes.js";
import { connected, newConnection, noNetwork, SNAPSHOT } from "./connections.js";

function forbidden() {
  throw new DOMException("policy", "SecurityError");
}

test("a browser without streams, or whose policy forbids them, polls", async () => {
  const forbid = () => Object.assign(globalThis, { EventSource: forbidden });
  const { world, connection, ids, owner } = newConnection(
    () => json({ toasts: [wire(1)], cursor: "alice.1" }),
    forbid,
  );
  await world.pass(5_000);
  assert.equal(connection.state(), "polling");
  assert.deepEqual([ids(), owner()], [["1"], "alice.1"]);
});

test("a signed-out page asks twice, and then once in five minutes", async () => {
  let answer = () => status(204);
  const { world, connection, stream, opened, owner } = newConnection(() => answer());
  stream().fail();
  await world.pass(299_000);
  assert.deepEqual(
    [connection.state(), owner(), opened(), world.requests.length],
    ["signed-out", "", 1, 1],
  );
  connection.wake();
  assert.deepEqual([opened(), world.requests.length], [1, 1]);
  await world.pass(1_000);
  assert.deepEqual([opened(), world.requests.length], [1, 2]);
  answer = noNetwork;
  await world.pass(300_000);
  assert.deepEqual([connection.state(), world.requests.length], ["signed-out", 3]);
  answer = () => json({ toasts: [], cursor: "bob.1" });
  await world.pass(300_000);
  assert.deepEqual([owner(), opened()], ["bob.1", 2]);
});

test("a superseded browser polls slowly, and opens the stream again when the user returns to it", async () => {
  const { world, connection, stream, opened, ids } = await connected(() =>
    json({ toasts: [wire(5)], cursor: "alice.1" }),
  );
  stream().send("bye", { reason: "superseded" });
  assert.equal(connection.state(), "polling");
  await world.pass(50_000);
  assert.equal(world.requests.length, 0);
  await world.pass(600_000);
  assert.deepEqual(ids(), ["5"]);
  assert.equal(opened(), 1);
  assert.ok(
    world.requests.length >= 9 && world.requests.length <= 11,
    String(world.requests.length),
  );
  assert.ok(world.requests.every(({ url }) => !url.includes("wait")));
  connection.wake();
  assert.equal(opened(), 2);
  stream().send("sync", { ids: [] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
});

test("polling starts at once, and ends with the stream, which is tried again soon and then once a minute", async () => {
  const { world, connection, stream, ids, opened, states } = newConnection((url) =>
    url.includes("wait") ? new Promise(() => {}) : json({ toasts: [wire(1)], cursor: "alice.1" }),
  );
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

test("a server that answers each long poll at once with news is polled once a second", async () => {
  let cursor = 0;
  const { world, stream } = newConnection(() =>
    json({ toasts: [], cursor: `alice.${(cursor += 1)}` }),
  );
  stream().fail();
  await world.pass(10_000);
  assert.ok(world.requests.length <= 11, String(world.requests.length));
});

test("without a network the state is offline, until the network returns", async () => {
  let respond = noNetwork;
  const { world, connection, stream, opened } = newConnection(() => respond());
  stream().fail();
  await world.pass(1_100);
  assert.equal(connection.state(), "offline");
  const before = opened();
  respond = () => json({ toasts: [], cursor: "alice.0" });
  connection.wake();
  assert.equal(opened(), before + 1);
});

test("a failing server is polled for ever, with growing delays and with its Retry-After", async () => {
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

test("a poll that fails late opens no second stream", async () => {
  let answer;
  const { world, stream, opened } = newConnection(
    () => new Promise((resolve) => (answer = resolve)),
  );
  stream().fail();
  await world.pass(2_000);
  assert.equal(opened(), 2);
  answer(status(503));
  await world.pass(9_000);
  assert.deepEqual([opened(), stream().closed], [2, false]);
});

test("a probe that is answered after the stop is ignored", async () => {
  let answer;
  const { world, connection, stream, ids } = newConnection(
    () => new Promise((resolve) => (answer = resolve)),
  );
  stream().fail();
  await world.pass(0);
  connection.stop();
  answer(json({ toasts: [wire(1)], cursor: "alice.1" }));
  await world.pass(0);
  assert.deepEqual(ids(), []);
});
