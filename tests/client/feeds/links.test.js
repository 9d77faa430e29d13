import assert from "node:assert/strict";
import { test } from "node:test";

import { json } from "../fakes.js";
import { opened, order } from "./opened.js";

test("a blocked stream is replaced by a WebSocket, and a blocked WebSocket by polls", async () => {
  const answers = [
    { events: [{ event: "sync", data: { keys: [] }, id: "c1" }], cursor: "c1" },
    {
      events: [
        { event: "change", data: order(1, "SELECT", 5), id: "changed" },
        { event: "sync", data: { keys: [1] }, id: "c2" },
      ],
      cursor: "c2",
    },
  ];
  const { world, feed, calls, stream, socket } = await opened({}, () =>
    json(answers.shift() ?? { events: [], cursor: "c2" }),
  );
  stream().fail();
  await world.pass(0);
  assert.equal(socket().url, "wss://site.example/feeds/orders/?origin=me");
  socket().end(1006);
  await world.pass(0);
  assert.equal(feed.transport, "poll");
  assert.equal(world.requests[0].url, "https://site.example/feeds/orders/?origin=me");
  await world.pass(1_000);
  assert.equal(
    world.requests[1].url,
    "https://site.example/feeds/orders/?origin=me&cursor=c1&wait=25",
  );
  assert.deepEqual(calls, ["connected", ["SELECT", 1, 5]]);
  feed.close();
  assert.equal(calls.at(-1), "closed");
});

test("a stream behind a proxy that buffers is replaced", async () => {
  const { world, sockets, stream } = await opened();
  await world.pass(10_000);
  assert.equal(stream().closed, true);
  assert.equal(sockets.length, 1);
});

test("a WebSocket's close code is the reason of a refusal", async () => {
  const { world, feed, sockets, socket } = await opened({ transports: ["websocket"] });
  socket().end(4403);
  await world.pass(600_000);
  assert.equal(feed.state, "refused");
  assert.equal(sockets.length, 1);
});

test("failed attempts are repeated with growing delays", async () => {
  const { world, stream } = await opened({ transports: ["sse"] });
  const times = [];
  for (let number = 1; number <= 4; number++) {
    stream().fail();
    const began = world.now();
    while (world.streams.length === number) await world.pass(500);
    times.push(world.now() - began);
  }
  assert.deepEqual(times, [1_000, 2_000, 4_000, 8_000]);
});

test("a stream whose heartbeat is 55 seconds is not given up between two of them", async () => {
  for (const dataset of [{ heartbeat: "55" }, null]) {
    const { world, stream, feed } = await opened({ transports: ["sse"] }, undefined, { dataset });
    stream().send("sync", { keys: [] });
    for (let ping = 0; ping < 5; ping++) {
      await world.pass(55_000);
      stream().send("ping");
    }
    assert.deepEqual([feed.state, world.streams.length, stream().closed], ["connected", 1, false]);
  }
});

test("a stream without events for two and a half heartbeats is opened again", async () => {
  for (const [heartbeat, soonest] of [
    [5, 10_000],
    [15, 30_000],
    [55, 110_000],
  ]) {
    const { world, stream } = await opened({ transports: ["sse"] }, undefined, {
      dataset: { heartbeat },
    });
    stream().send("sync", { keys: [] });
    await world.pass(soonest);
    assert.equal(world.streams.length, 1, `${heartbeat}`);
    await world.pass(400 * heartbeat + 2_000);
    assert.equal(world.streams.length, 2, `${heartbeat}`);
  }
});

test("a WebSocket is given up by the same heartbeat", async () => {
  const page = { dataset: { heartbeat: "55" } };
  const { world, socket } = await opened({ transports: ["websocket"] }, undefined, page);
  socket().receive("sync", { keys: [] });
  await world.pass(110_000);
  assert.equal(world.sockets.length, 1);
  await world.pass(24_000);
  assert.equal(world.sockets.length, 2);
});

test("after sleep a stream that stays silent is opened again at once", async () => {
  const { world, feed, stream } = await opened({ transports: ["sse"] });
  stream().send("sync", { keys: [] });
  world.sleep(3_600_000);
  feed.wake();
  await world.pass(3_000);
  assert.equal(world.streams.length, 2);
});

test("a malformed event is ignored", async () => {
  const { world, feed, stream } = await opened();
  stream().send("sync", { keys: [] });
  for (const text of ["{", "null", ""]) stream().send("change", text);
  stream().send("change", order(1, "INSERT", 1));
  assert.deepEqual([[...feed.rows], world.streams.length], [[[1, 1]], 1]);
});
