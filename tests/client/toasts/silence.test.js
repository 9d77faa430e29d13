import assert from "node:assert/strict";
import { test } from "node:test";

import { json, status, wire } from "../fakes.js";
import { connected, newConnection, noNetwork, SNAPSHOT } from "./connections.js";

test("when the browser reports that it is offline, the stream is given up at once", async () => {
  const { world, connection, stream, opened } = await connected(noNetwork);
  connection.restart();
  assert.ok(world.streams[0].closed);
  stream().fail(); // this happens at once without a network
  await world.pass(0);
  assert.equal(connection.state(), "offline");
  await world.pass(2_000);
  stream().send("sync", { ids: [] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
  assert.equal(opened(), 3);
});

test("a silent stream is opened again after two and a half heartbeats", async () => {
  const { world, opened, connection } = await connected();
  await world.pass(35_000);
  assert.equal(connection.state(), "connected");
  await world.pass(2_500);
  assert.equal(connection.state(), "connecting");
  await world.pass(2_000);
  assert.equal(opened(), 2);
});

test("a stream that opens but sends nothing fails within fifteen seconds, and polling gets what a proxy held back", async () => {
  const { world, ids, connection } = newConnection(() =>
    json({ toasts: [wire(1)], cursor: "alice.1" }),
  );
  await world.pass(12_000);
  assert.ok(world.streams[0].closed);
  assert.deepEqual([ids(), connection.state()], [["1"], "polling"]);
});

test("sleep alone ends no stream, but a stream that stays silent after it is opened again within two seconds", async () => {
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

test("a tab with throttled timers checks when other tabs ask", async () => {
  const { world, connection } = await connected();
  for (let second = 0; second < 37; second++) {
    world.sleep(1_000);
    connection.tick();
  }
  assert.equal(connection.state(), "connecting");
});

test("a return to the page does not end a stream with a recent event", async () => {
  for (const look of ["wake", "look"]) {
    const { world, opened, connection } = await connected();
    await world.pass(15_000);
    connection[look]();
    await world.pass(5_000);
    assert.equal(opened(), 1, look);
  }
});

test("if the user returns while a ping is overdue, the stream is replaced within two seconds", async () => {
  for (const look of ["wake", "look"]) {
    const { world, opened, connection } = await connected();
    await world.pass(19_000);
    connection[look]();
    await world.pass(2_000);
    assert.equal(opened(), 2, look);
  }
});

test("a look does not shorten the wait of Retry-After", async () => {
  const { world, opened, connection, stream } = await connected(() =>
    status(503, { "Retry-After": "60" }),
  );
  connection.restart();
  stream().fail();
  await world.pass(2_000);
  const before = opened();
  for (let times = 0; times < 10; times++) {
    connection.look();
    await world.pass(1_000);
  }
  assert.equal(opened(), before);
});
