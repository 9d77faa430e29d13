import assert from "node:assert/strict";
import { test } from "node:test";

import { status, wire } from "../fakes.js";
import { connected, newConnection, noNetwork, SNAPSHOT } from "./connections.js";

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

test("a stream that breaks repeatedly is opened with growing delays", async () => {
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

test("a bye event with auth empties the page, which asks once more", async () => {
  const { world, connection, stream, ids, opened, owner } = await connected(() => status(204));
  stream().send("toast", wire(1));
  stream().send("bye", { reason: "auth" });
  assert.deepEqual([ids(), owner()], [[], ""]);
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

test("a renewed session continues", async () => {
  const { world, connection, stream } = await connected();
  stream().send("bye", { reason: "auth" });
  await world.pass(2_000);
  stream().send("sync", { ids: [] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
});

test("a restart is followed by an attempt within three seconds, a rotation by one at once without a change of state", async () => {
  /** @type {[string, number, string[]][]} */
  const cases = [
    ["restart", 3_000, ["connecting", "connected"]],
    ["rotate", 0, []],
  ];
  for (const [reason, most, shown] of cases) {
    const { world, stream, opened, states } = await connected();
    states.length = 0;
    stream().send("bye", { reason });
    assert.ok(world.streams[0].closed);
    await world.pass(most - 1);
    assert.equal(opened(), most ? 1 : 2);
    await world.pass(1);
    assert.equal(opened(), 2);
    stream().send("sync", { ids: [] }, SNAPSHOT);
    assert.deepEqual(states, shown, reason);
  }
});

test("after a restart the reconnects are spread over three seconds", async () => {
  for (const [random, delay] of [
    [0, 0],
    [0.5, 1_500],
    [1, 3_000],
  ]) {
    const { world, stream, opened } = await connected();
    Math.random = () => random;
    stream().send("bye", { reason: "restart" });
    await world.pass(Math.max(0, delay - 1));
    assert.equal(opened(), delay ? 1 : 2);
    await world.pass(1);
    assert.equal(opened(), 2);
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

test("however often the user returns, there is at most one request per second", async () => {
  const { world, connection, stream, opened } = newConnection(noNetwork);
  stream().fail();
  for (let look = 0; look < 100; look++) {
    connection.wake();
    await world.pass(100);
    if (!stream().closed) stream().fail();
  }
  assert.ok(opened() <= 11, String(opened()));
  connection.stop(); // its last poll is still running
});

test("a stopped connection leaves nothing behind, and can start again", async () => {
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
