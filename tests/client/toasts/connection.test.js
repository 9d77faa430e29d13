import assert from "node:assert/strict";
import { test } from "node:test";

import { wire } from "../fakes.js";
import { connected, newConnection, SNAPSHOT } from "./connections.js";

test("a stream counts as connected at its first snapshot, which names its owner", async () => {
  const { world, connection, stream, owner } = newConnection();
  await world.pass(100);
  assert.equal(connection.state(), "connecting");
  assert.equal(stream().url, "/stream/");
  stream().send("ping");
  assert.equal(connection.state(), "connecting");
  stream().send("sync", { ids: [] }, SNAPSHOT);
  assert.equal(connection.state(), "connected");
  assert.equal(owner(), SNAPSHOT);
});

test("a snapshot is reported at its sync, as a whole", async () => {
  const { stream, ids, reports } = newConnection();
  stream().send("toast", wire(1));
  stream().send("toast", wire(2));
  stream().send("dismiss", { ids: [1] });
  assert.deepEqual(ids(), []);
  stream().send("sync", { ids: [2] }, SNAPSHOT);
  assert.deepEqual([ids(), reports.kinds], [["2"], ["gone", "all"]]);
});

test("each ping is reported as a sign of life of the server", async () => {
  const { stream, reports } = await connected();
  const before = reports.updates.length;
  stream().send("ping");
  assert.deepEqual(reports.updates.slice(before), [{}]);
});

test("live events are reported at once", async () => {
  const { stream, ids, toasts } = await connected();
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

test("a malformed event is ignored", async () => {
  const { stream, ids, connection } = await connected();
  for (const data of ["{", "null", ""])
    for (const type of ["toast", "dismiss", "ping"]) stream().send(type, data);
  stream().send("toast", wire(1));
  assert.deepEqual(ids(), ["1"]);
  assert.equal(connection.state(), "connected");
});
