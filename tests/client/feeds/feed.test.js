import assert from "node:assert/strict";
import { test } from "node:test";

import { json, status } from "../fakes.js";
import { opened, order } from "./opened.js";

test("a stream keeps the rows as they are on the server", async () => {
  const { feed, calls, stream } = await opened();
  assert.equal(stream().url, "https://site.example/feeds/orders/?origin=me");
  stream().send("change", order(1, "SELECT", { n: 1 }));
  stream().send("change", order(2, "SELECT", { n: 2 }));
  stream().send("sync", { keys: [1, 2] });
  stream().send("change", order(2, "UPDATE", { n: 3 }));
  stream().send("remove", { keys: [1] });
  assert.deepEqual(calls, [
    "connected",
    ["SELECT", 1, { n: 1 }],
    ["SELECT", 2, { n: 2 }],
    ["UPDATE", 2, { n: 3 }],
    ["DELETE", 1, { n: 1 }],
  ]);
  assert.deepEqual([...feed.rows], [[2, { n: 3 }]]);
});

test("after a reconnect only differences are reported, and missing rows are removed", async () => {
  const { world, feed, calls, stream } = await opened();
  stream().send("change", order(1, "SELECT", { n: 1 }));
  stream().send("change", order(2, "SELECT", { n: 2 }));
  stream().send("sync", { keys: [1, 2] });
  stream().fail();
  calls.length = 0;
  await world.pass(1_000);
  stream().send("change", order(3, "SELECT", { n: 3 }));
  stream().send("change", order(2, "SELECT", { n: 2 }));
  stream().send("sync", { keys: [3, 2] });
  assert.deepEqual(calls, ["connected", ["SELECT", 3, { n: 3 }], ["DELETE", 1, { n: 1 }]]);
  assert.deepEqual([...feed.rows.keys()], [3, 2]);
});

test("a page gets no echo of its own changes", async () => {
  const { feed, calls, stream } = await opened();
  stream().send("sync", { keys: [] });
  stream().send("change", order(1, "INSERT", { n: 1, origin: "me" }));
  stream().send("change", order(1, "UPDATE", { n: 2, origin: "other" }));
  assert.deepEqual(calls, ["connected", ["UPDATE", 1, { n: 2, origin: "other" }]]);
  assert.deepEqual(feed.rows.get(1), { n: 2, origin: "other" });
});

test("a key of the page's own change is not reported, but the row is removed, changed and read again", async () => {
  const { world, feed, calls, stream } = await opened();
  stream().send("change", order(1, "SELECT", "old"));
  stream().send("sync", { keys: [1] }, "c1");
  stream().send("own", { key: 1 }, "c2");
  stream().send("own", { key: 2 }, "c3");
  assert.deepEqual(
    [...feed.rows],
    [
      [1, null],
      [2, null],
    ],
  );
  stream().send("change", order(1, "UPDATE", "old"), "c4"); // another user changed it back
  stream().fail();
  await world.pass(1_000);
  assert.doesNotMatch(stream().url, /cursor/);
  stream().send("change", order(1, "SELECT", "old"));
  stream().send("change", order(2, "SELECT", "mine"));
  stream().send("sync", { keys: [1, 2] }, "c4");
  stream().send("own", { key: 2 }, "c5");
  stream().send("remove", { action: "DELETE", keys: [2], rows: ["mine"] }, "c6");
  assert.deepEqual(
    calls.filter((one) => one instanceof Array),
    [
      ["SELECT", 1, "old"],
      ["UPDATE", 1, "old"],
      ["SELECT", 2, "mine"],
      ["DELETE", 2, null],
    ],
  );
});

test("a removal is reported with its reason, but without one after a gap", async () => {
  const removed = [];
  const { stream } = await opened({ onRemove: (...all) => removed.push(all) });
  for (const key of [1, 2, 3]) stream().send("change", order(key, "SELECT", key));
  stream().send("remove", { action: "LIMIT", keys: [1] });
  stream().send("remove", { action: "DELETE", keys: [2], rows: [2] });
  stream().send("sync", { keys: [] });
  assert.deepEqual(removed, [
    [1, 1, "LIMIT"],
    [2, 2, "DELETE"],
    [3, 3, undefined],
  ]);
});

test("a refused page does not connect again", async () => {
  const { world, feed, calls, stream } = await opened({ transports: ["sse"] }, () =>
    json({ detail: "You may not listen here." }, { status: 403 }),
  );
  stream().fail();
  await world.pass(600_000);
  assert.equal(feed.state, "refused");
  assert.deepEqual(calls, ["refused"]);
  assert.equal(world.streams.length, 1);
  assert.equal(world.requests.length, 1);
});

test("a page connects again after a refusal that does not come from the feed", async () => {
  for (const code of [401, 403, 404]) {
    const { world, feed, stream } = await opened({ transports: ["sse"] }, () => status(code));
    stream().fail();
    await world.pass(5_000);
    stream().send("sync", { keys: [] });
    assert.equal(feed.state, "connected", String(code));
  }
});

test("the name of a method of every object is not a transport", async () => {
  await assert.rejects(
    opened({ transports: /** @type {any} */ (["toString"]) }),
    /must be some of sse,websocket,poll/,
  );
});

test("after a bye event the reconnects are spread", async () => {
  const { world, stream, calls } = await opened();
  stream().send("sync", { keys: [] });
  stream().send("bye", { reason: "restart" });
  assert.equal(stream().closed, true);
  assert.equal(calls.at(-1), "connecting");
  await world.pass(4_999);
  assert.equal(world.streams.length, 1);
  await world.pass(1);
  assert.equal(world.streams.length, 2);
});

test("a reconnect sends the id of the page's state, unless the state is incomplete", async () => {
  const { world, stream, socket } = await opened({ transports: ["websocket"] });
  socket().receive("sync", { keys: [] }, { id: "c7" });
  socket().end(1006);
  await world.pass(1_000);
  assert.match(socket().url, /&cursor=c7$/);
  socket().receive("change", order(1, "INSERT", 1), { id: "changed" });
  socket().end(1006);
  await world.pass(1_000);
  assert.doesNotMatch(socket().url, /cursor/);
  assert.equal(stream(), undefined);
});

test("each connection has its own token", async () => {
  let number = 0;
  const { world, stream } = await opened({ token: async () => `t${++number}` });
  assert.match(stream().url, /token=t1$/);
  stream().send("sync", { keys: [] });
  stream().fail();
  await world.pass(1_000);
  assert.match(stream().url, /token=t2$/);
});

test("a closed feed stays closed", async () => {
  const { world, feed, stream } = await opened();
  stream().send("sync", { keys: [] });
  feed.close();
  assert.equal(stream().closed, true);
  await world.pass(600_000);
  assert.equal(world.streams.length, 1);
  assert.equal(world.timers, 0);
});

test("an unknown transport is an error of the page", async () => {
  await assert.rejects(opened({ transports: ["pigeon"] }), /pigeon/);
});
