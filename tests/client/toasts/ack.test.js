import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld, status, toast } from "../fakes.js";

function newAcks({ respond = () => status(200), cookie = "csrftoken=tok", ids = ["1"] } = {}) {
  const tokens = ["new", "newer"];
  const world = newWorld({ respond: (url, options) => (options ? respond(url, options) : status(200, { "X-CSRFToken": tokens.shift() })) });
  const client = fresh("toasts/ack toasts/memory", { dataset: { apiUrl: "/api/", pollUrl: "/poll/" }, cookie });
  client.rememberFor("alice");
  const dismiss = (id) => client.remember({ id }, true);
  ids.forEach(dismiss);
  const posts = () => world.requests.filter(({ method }) => method);
  return { world, posts, dismiss, memory: client, wake: client.acknowledge };
}

function DOWN() {
  throw new TypeError("network");
}

test("all dismissals are told in one request with the token, which outlives its page", async () => {
  const { world, posts, dismiss, memory, wake } = newAcks({ ids: ["1", "2"] });
  await wake();
  const [{ url, method, keepalive, headers, body }] = posts();
  assert.deepEqual([url, method, keepalive], ["/api/read-all/", "POST", true]);
  assert.deepEqual([headers["X-CSRFToken"], headers["Content-Type"]], ["tok", "application/json"]);
  assert.deepEqual(JSON.parse(body), { ids: ["1", "2"] });
  assert.deepEqual(memory.pending(), []);
});

test("what is dismissed meanwhile follows, one request at a time, no more than the server takes", async () => {
  const ids = Array.from({ length: 1200 }, (_, id) => `${id}`);
  const { world, posts, dismiss, memory, wake } = newAcks({ ids });
  wake();
  dismiss("late");
  wake();
  await world.pass(0);
  assert.deepEqual(posts().map(({ body }) => JSON.parse(body).ids.length), [500, 500, 201]);
});

test("what the server did not take goes along when it is well again", async () => {
  const answers = [status(503), null, status(502), status(429), status(200)];
  const { world, posts, memory, wake } = newAcks({ respond: () => answers.shift() ?? DOWN() });
  for (let well = 1; well <= 5; well++) {
    assert.deepEqual(memory.pending(), ["1"]);
    await wake();
    await world.pass(600_000);
    assert.equal(posts().length, well);
  }
  assert.deepEqual(memory.pending(), []);
  await wake();
  assert.equal(posts().length, 5);
});

test("it waits as long as the server wishes", async () => {
  const { world, posts, wake } = newAcks({ respond: () => status(503, { "Retry-After": "60" }) });
  await wake();
  await world.pass(59_999);
  await wake();
  assert.equal(posts().length, 1);
  await world.pass(1);
  await wake();
  assert.equal(posts().length, 2);
});

test("what the server will never take is not repeated", async () => {
  for (const code of [400, 404, 410, 415]) {
    const { world, posts, dismiss, memory, wake } = newAcks({ respond: () => status(code) });
    wake();
    await world.pass(600_000);
    assert.deepEqual([posts().length, memory.pending()], [1, []], String(code));
  }
});

test("an expired session loses nothing: it is told when somebody is signed in again", async () => {
  for (const [code, times] of [[401, 1], [403, 2]]) {
    let answer = status(code);
    const { world, posts, dismiss, memory, wake } = newAcks({ respond: () => answer });
    wake();
    await world.pass(600_000);
    assert.deepEqual([posts().length, memory.pending()], [times, ["1"]], String(code));
    answer = status(200);
    await wake();
    assert.deepEqual(memory.pending(), []);
  }
});

test("after a refusal it is posted with another token, which then is good for the next", async () => {
  const { world, posts, dismiss, memory, wake } = newAcks({
    respond: (url, { headers }) => status(headers["X-CSRFToken"] === "new" ? 200 : 403) });
  wake();
  await world.pass(5_000);
  dismiss("2");
  await wake();
  assert.deepEqual(posts().map(({ headers }) => headers["X-CSRFToken"]), ["tok", "new", "new"]);
  assert.deepEqual(memory.pending(), []);
});
