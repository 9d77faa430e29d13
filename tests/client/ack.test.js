import assert from "node:assert/strict";
import { test } from "node:test";

import { createAcks } from "../../toasts/client/ack.js";
import { newMemory, newWorld, status } from "./fakes.js";

function newAcks({ respond = () => status(200), token = () => "tok", ids = ["1"] } = {}) {
  const world = newWorld({ respond });
  const memory = newMemory();
  ids.forEach(memory._dismiss);
  const wake = createAcks({ apiUrl: "/api/" }, async (refused) => ({ "X-CSRFToken": token(refused) }), memory, () => false);
  return { world, memory, wake };
}

function DOWN() {
  throw new TypeError("network");
}

test("all dismissals are told in one request with the token, which outlives its page", async () => {
  const { world, memory, wake } = newAcks({ ids: ["1", "2"] });
  await wake();
  const [{ url, method, keepalive, headers, body }] = world.requests;
  assert.deepEqual([url, method, keepalive], ["/api/read-all/", "POST", true]);
  assert.deepEqual([headers["X-CSRFToken"], headers["Content-Type"]], ["tok", "application/json"]);
  assert.deepEqual(JSON.parse(body), { ids: ["1", "2"] });
  assert.deepEqual(memory._pending(), []);
});

test("what is dismissed meanwhile follows, one request at a time, no more than the server takes", async () => {
  const ids = Array.from({ length: 1200 }, (_, id) => `${id}`);
  const { world, memory, wake } = newAcks({ ids });
  wake();
  memory._dismiss("late");
  wake();
  await world.pass(0);
  assert.deepEqual(world.requests.map(({ body }) => JSON.parse(body).ids.length), [500, 500, 201]);
});

test("it is repeated with growing pauses until the server has it", async () => {
  const answers = [status(503), null, status(502), status(429), status(200)];
  const { world, memory, wake } = newAcks({ respond: () => answers.shift() ?? DOWN() });
  wake();
  await world.pass(2_000 + 3_000 + 5_000);
  assert.equal(world.requests.length, 4);
  assert.deepEqual(memory._pending(), ["1"]);
  await world.pass(9_000);
  assert.equal(world.requests.length, 5);
  assert.deepEqual(memory._pending(), []);
  await world.pass(600_000);
  assert.equal(world.requests.length, 5);
});

test("it waits as long as the server wishes", async () => {
  const { world, wake } = newAcks({ respond: () => status(503, { "Retry-After": "60" }) });
  wake();
  await world.pass(59_999);
  assert.equal(world.requests.length, 1);
  await world.pass(1);
  assert.equal(world.requests.length, 2);
});

test("what the server will never take is not repeated", async () => {
  for (const code of [400, 404, 410, 415]) {
    const { world, memory, wake } = newAcks({ respond: () => status(code) });
    wake();
    await world.pass(600_000);
    assert.deepEqual([world.requests.length, memory._pending()], [1, []], String(code));
  }
});

test("an expired session loses nothing: it is told when somebody is signed in again", async () => {
  for (const [code, times] of [[401, 1], [403, 2]]) {
    let answer = status(code);
    const { world, memory, wake } = newAcks({ respond: () => answer });
    wake();
    await world.pass(600_000);
    assert.deepEqual([world.requests.length, memory._pending()], [times, ["1"]], String(code));
    answer = status(200);
    await wake();
    assert.deepEqual(memory._pending(), []);
  }
});

test("after a refusal it is posted with another token", async () => {
  const token = (refused) => (refused ? "new" : "old");
  const { world, memory, wake } = newAcks({ token, respond: (url, { headers }) => status(headers["X-CSRFToken"] === "new" ? 200 : 403) });
  wake();
  await world.pass(5_000);
  assert.deepEqual(world.requests.map(({ headers }) => headers["X-CSRFToken"]), ["old", "new"]);
  assert.deepEqual(memory._pending(), []);
});

test("once a token was taken, the next dismissal needs no other", async () => {
  const asked = [];
  const answers = [status(403), status(200), status(200)];
  const { world, memory, wake } = newAcks({ token: (refused) => asked.push(refused), respond: () => answers.shift() });
  wake();
  await world.pass(5_000);
  memory._dismiss("2");
  await wake();
  assert.deepEqual(asked, [false, true, false]);
  assert.deepEqual(memory._pending(), []);
});

test("without a token for want of a network it is tried again", async () => {
  const tokens = [DOWN, () => "tok"];
  const { world, memory, wake } = newAcks({ token: () => tokens.shift()() });
  wake();
  await world.pass(5_000);
  assert.equal(world.requests.length, 1);
  assert.deepEqual(memory._pending(), []);
});
