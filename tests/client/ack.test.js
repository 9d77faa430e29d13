import assert from "node:assert/strict";
import { test } from "node:test";

import { createAcks } from "../../toasts/client/ack.js";
import { safeStorage } from "../../toasts/client/memory.js";
import { memoryStorage, newWorld, status } from "./fakes.js";

const KEY = "toasts:ack:/api/:1";

function newAcks({ respond = () => status(200), content = {}, token = () => "tok" } = {}) {
  const world = newWorld({ respond });
  const storage = memoryStorage(content);
  const acks = createAcks({ url: "/api/", headers: async (refused) => ({ "X-CSRFToken": token(refused) }), storage, world });
  return { world, acks, content };
}

test("a dismissal is posted with the token, and survives the page that sends it", async () => {
  const { world, acks, content } = newAcks();
  acks.add("1");
  assert.ok(KEY in content);
  await world.pass(0);
  const [{ url, method, keepalive, headers }] = world.requests;
  assert.deepEqual([url, method, keepalive], ["/api/1/read/", "POST", true]);
  assert.equal(headers["X-CSRFToken"], "tok");
  assert.deepEqual(content, {});
});

test("an id is data, not a path", async () => {
  const { world, acks } = newAcks();
  acks.add("../../x?");
  await world.pass(0);
  assert.equal(world.requests[0].url, "/api/..%2F..%2Fx%3F/read/");
});

test("it is repeated with growing pauses until the server has it", async () => {
  let answers = [status(503), null, status(502), status(429), status(200)];
  const { world, acks, content } = newAcks({ respond: () => answers.shift() ?? DOWN() });
  acks.add("1");
  await world.pass(1_000 + 2_000 + 4_000);
  assert.equal(world.requests.length, 4);
  assert.ok(acks.has("1"));
  await world.pass(8_000);
  assert.equal(world.requests.length, 5);
  assert.deepEqual(content, {});
  await world.pass(600_000);
  assert.equal(world.requests.length, 5);
});

function DOWN() {
  throw new TypeError("network");
}

test("an event from before the answer cannot bring the toast back", async () => {
  const { world, acks } = newAcks();
  acks.add("1");
  await world.pass(0);
  assert.ok(acks.has("1"));
  await world.pass(5_000);
  assert.ok(!acks.has("1"));
});

test("what is gone, or refused twice, is not repeated", async () => {
  for (const [code, times] of [[404, 1], [410, 1], [400, 1], [401, 1], [403, 2]]) {
    const { world, acks, content } = newAcks({ respond: () => status(code) });
    acks.add("1");
    await world.pass(600_000);
    assert.equal(world.requests.length, times, String(code));
    assert.deepEqual(content, {});
  }
});

test("after a refusal it is posted with another token", async () => {
  const token = (refused) => (refused ? "new" : "old");
  const { world, acks } = newAcks({ token, respond: (url, { headers }) => status(headers["X-CSRFToken"] === "new" ? 200 : 403) });
  acks.add("1");
  await world.pass(5_000);
  assert.deepEqual(world.requests.map(({ headers }) => headers["X-CSRFToken"]), ["old", "new"]);
});

test("without a token for want of a network it is tried again", async () => {
  const tokens = [DOWN, () => "tok"];
  const { world, acks, content } = newAcks({ token: () => tokens.shift()() });
  acks.add("1");
  await world.pass(5_000);
  assert.equal(world.requests.length, 1);
  assert.deepEqual(content, {});
});

test("a storage that is full or forbidden costs no dismissal while the page lasts", async () => {
  const full = new Proxy({}, { set() { throw new DOMException("full", "QuotaExceededError"); } });
  const denied = () => { throw new DOMException("denied", "SecurityError"); };
  for (const open of [() => full, denied, () => null]) {
    const world = newWorld({ respond: () => status(200) });
    const acks = createAcks({ url: "/api/", headers: async () => ({}), storage: safeStorage(open), world });
    acks.add("1");
    assert.ok(acks.has("1"));
    await world.pass(0);
    assert.equal(world.requests.length, 1);
  }
});

test("the next page sends what the last one could not", async () => {
  const content = { [KEY]: "1", "toasts:ack:/other/:2": "1", unrelated: "x" };
  const { world, acks } = newAcks({ content });
  assert.ok(acks.has("1"));
  assert.ok(!acks.has("2"));
  acks.wake();
  await world.pass(0);
  assert.deepEqual(world.requests.map(({ url }) => url), ["/api/1/read/"]);
  assert.deepEqual(content, { "toasts:ack:/other/:2": "1", unrelated: "x" });
});

test("many dismissals leave connections for the site", async () => {
  let open = 0;
  let most = 0;
  const respond = async () => {
    most = Math.max(most, ++open);
    await new Promise(setImmediate);
    open -= 1;
    return status(200);
  };
  const { world, acks } = newAcks({ respond });
  for (let id = 0; id < 50; id++) acks.add(String(id));
  while (world.requests.length < 50 || open > 0) await world.pass(1);
  assert.equal(most, 3);
});

test("the network's return ends the pause", async () => {
  let up = false;
  const { world, acks } = newAcks({ respond: () => (up ? status(200) : DOWN()) });
  acks.add("1");
  await world.pass(100);
  up = true;
  acks.wake();
  await world.pass(0);
  assert.equal(world.requests.length, 2);
});
