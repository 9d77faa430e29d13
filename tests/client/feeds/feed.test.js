import assert from "node:assert/strict";
import { test } from "node:test";

import { openFeed } from "../../../toasts/client/feeds/feed.js";
import { json, newWorld, status } from "../fakes.js";

class FakeSocket extends EventTarget {
  readyState = 1;
  sent = [];
  closed = false;

  constructor(url) {
    super();
    this.url = url;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  receive(event, data, more = {}) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ event, data, ...more }) }));
  }

  end(code) {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

async function opened(options = {}, respond = () => status(500)) {
  const world = newWorld({ respond });
  const sockets = [];
  const said = [];
  const feed = openFeed("/feeds/orders/", {
    origin: "me",
    onChange: (key, row, action) => said.push([action, key, row]),
    onRemove: (key, row) => said.push(["DELETE", key, row]),
    onState: (state) => said.push(state),
    ...options,
  }, {
    ...world,
    base: () => "https://site.example/",
    csrf: () => "csrf",
    WebSocket: class extends FakeSocket {
      constructor(url) {
        super(url);
        sockets.push(this);
      }
    },
    uuid: () => "tab",
  });
  await world.pass(0);
  return { world, feed, said, sockets, stream: () => world.streams.at(-1), socket: () => sockets.at(-1) };
}

const order = (key, action, row) => ({ key, action, row });

test("a stream keeps the rows as they are on the server", async () => {
  const { feed, said, stream } = await opened();
  assert.equal(stream().url, "https://site.example/feeds/orders/?origin=me");
  stream().send("change", order(1, "SELECT", { n: 1 }));
  stream().send("change", order(2, "SELECT", { n: 2 }));
  stream().send("sync", { keys: [1, 2] });
  stream().send("change", order(2, "UPDATE", { n: 3 }));
  stream().send("remove", { keys: [1] });
  assert.deepEqual(said, [
    "connected", ["SELECT", 1, { n: 1 }], ["SELECT", 2, { n: 2 }], ["UPDATE", 2, { n: 3 }], ["DELETE", 1, { n: 1 }],
  ]);
  assert.deepEqual([...feed.rows], [[2, { n: 3 }]]);
});

test("after a reconnect only what differs is told, and what is gone is removed", async () => {
  const { world, feed, said, stream } = await opened();
  stream().send("change", order(1, "SELECT", { n: 1 }));
  stream().send("change", order(2, "SELECT", { n: 2 }));
  stream().send("sync", { keys: [1, 2] });
  stream().fail();
  said.length = 0;
  await world.pass(1_000);
  stream().send("change", order(3, "SELECT", { n: 3 }));
  stream().send("change", order(2, "SELECT", { n: 2 }));
  stream().send("sync", { keys: [3, 2] });
  assert.deepEqual(said, ["connected", ["SELECT", 3, { n: 3 }], ["DELETE", 1, { n: 1 }]]);
  assert.deepEqual([...feed.rows.keys()], [3, 2]);
});

test("a page does not hear its own echo", async () => {
  const { feed, said, stream } = await opened();
  stream().send("sync", { keys: [] });
  stream().send("change", order(1, "INSERT", { n: 1, origin: "me" }));
  stream().send("change", order(1, "UPDATE", { n: 2, origin: "other" }));
  assert.deepEqual(said, ["connected", ["UPDATE", 1, { n: 2, origin: "other" }]]);
  assert.deepEqual(feed.rows.get(1), { n: 2, origin: "other" });
});

test("of what the page wrote only the key comes: it is not shown, but removed, changed and read again", async () => {
  const { world, feed, said, stream } = await opened();
  stream().send("change", order(1, "SELECT", "old"));
  stream().send("sync", { keys: [1] }, "c1");
  stream().send("own", { key: 1 }, "c2");
  stream().send("own", { key: 2 }, "c3");
  assert.deepEqual([...feed.rows], [[1, null], [2, null]]);
  stream().send("change", order(1, "UPDATE", "old"), "c4"); // somebody else took it back
  stream().fail();
  await world.pass(1_000);
  assert.doesNotMatch(stream().url, /cursor/);
  stream().send("change", order(1, "SELECT", "old"));
  stream().send("change", order(2, "SELECT", "mine"));
  stream().send("sync", { keys: [1, 2] }, "c4");
  stream().send("own", { key: 2 }, "c5");
  stream().send("remove", { action: "DELETE", keys: [2], rows: ["mine"] }, "c6");
  assert.deepEqual(said.filter((one) => one instanceof Array), [
    ["SELECT", 1, "old"], ["UPDATE", 1, "old"], ["SELECT", 2, "mine"], ["DELETE", 2, null],
  ]);
});

test("what is removed comes with the reason; what was missed comes without", async () => {
  const removed = [];
  const { stream } = await opened({ onRemove: (...all) => removed.push(all) });
  for (const key of [1, 2, 3]) stream().send("change", order(key, "SELECT", key));
  stream().send("remove", { action: "LIMIT", keys: [1] });
  stream().send("remove", { action: "DELETE", keys: [2], rows: [2] });
  stream().send("sync", { keys: [] });
  assert.deepEqual(removed, [[1, 1, "LIMIT"], [2, 2, "DELETE"], [3, 3, undefined]]);
});

test("a stream that does not pass gives way to a WebSocket, and that to polls", async () => {
  const answers = [
    { events: [{ event: "sync", data: { keys: [] }, id: "c1" }], cursor: "c1" },
    { events: [{ event: "change", data: order(1, "SELECT", 5), id: "changed" }, { event: "sync", data: { keys: [1] }, id: "c2" }], cursor: "c2" },
  ];
  const { world, feed, said, stream, socket } = await opened({}, () => json(answers.shift() ?? { events: [], cursor: "c2" }));
  stream().fail();
  await world.pass(0);
  assert.equal(socket().url, "wss://site.example/feeds/orders/?origin=me");
  socket().end(1006);
  await world.pass(0);
  assert.equal(feed.transport, "poll");
  assert.equal(world.requests[0].url, "https://site.example/feeds/orders/?origin=me");
  await world.pass(1_000);
  assert.equal(world.requests[1].url, "https://site.example/feeds/orders/?origin=me&cursor=c1&wait=25");
  assert.deepEqual(said, ["connected", ["SELECT", 1, 5]]);
  feed.close();
  assert.equal(said.at(-1), "closed");
});

test("a stream behind a proxy that buffers gives way", async () => {
  const { world, sockets, stream } = await opened();
  await world.pass(10_000);
  assert.equal(stream().closed, true);
  assert.equal(sockets.length, 1);
});

test("who is refused does not ask again", async () => {
  const { world, feed, said, stream } = await opened({ transports: ["sse"] }, () => status(403));
  stream().fail();
  await world.pass(600_000);
  assert.equal(feed.state, "refused");
  assert.deepEqual(said, ["refused"]);
  assert.equal(world.streams.length, 1);
  assert.equal(world.requests.length, 1);
});

test("a WebSocket's close code tells of the refusal", async () => {
  const { world, feed, sockets, socket } = await opened({ transports: ["websocket"] });
  socket().end(4403);
  await world.pass(600_000);
  assert.equal(feed.state, "refused");
  assert.equal(sockets.length, 1);
});

test("what is tried in vain is tried again, less and less often", async () => {
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

test("after a goodbye all come back at their own time", async () => {
  const { world, stream, said } = await opened();
  stream().send("sync", { keys: [] });
  stream().send("bye", { reason: "restart" });
  assert.equal(stream().closed, true);
  assert.equal(said.at(-1), "connecting");
  await world.pass(4_999);
  assert.equal(world.streams.length, 1);
  await world.pass(1);
  assert.equal(world.streams.length, 2);
});

test("a reconnect names the state that the page has, unless it is between two", async () => {
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

test("an answer comes back to who sent the message", async () => {
  const { feed, socket } = await opened({ transports: ["websocket"] });
  const [first, second] = [feed.send("a"), feed.send("b")];
  assert.deepEqual(socket().sent, [{ data: "a", ref: 1 }, { data: "b", ref: 2 }]);
  socket().receive("error", { cell: ["No number."] }, { ref: 2 });
  socket().receive("reply", { ok: true }, { ref: 1 });
  assert.deepEqual(await first, { ok: true });
  await assert.rejects(second, (error) => error.message === "No number." && error.errors.cell[0] === "No number.");
});

test("a message whose connection is lost fails", async () => {
  const { feed, socket } = await opened({ transports: ["websocket"] });
  const sent = feed.send("a");
  socket().end(1006);
  await assert.rejects(sent, /connection was lost/);
});

test("without a WebSocket messages are posted", async () => {
  const { world, feed } = await opened({}, (url, { body }) =>
    JSON.parse(body) === "bad" ? json({ name: ["Bad."] }, { status: 400 }) : json({ got: JSON.parse(body) }));
  assert.deepEqual(await feed.send(7), { got: 7 });
  const [{ url, method, headers }] = world.requests;
  assert.deepEqual([url, method], ["https://site.example/feeds/orders/?origin=me", "POST"]);
  assert.deepEqual(headers, { "Content-Type": "application/json", "X-CSRFToken": "csrf" });
  await assert.rejects(feed.send("bad"), /Bad\./);
});

test("each connection has a token of its own", async () => {
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

test("an unknown transport is a mistake of the page", async () => {
  await assert.rejects(opened({ transports: ["pigeon"] }), /pigeon/);
});
