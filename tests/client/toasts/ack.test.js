import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld, status } from "../fakes.js";

/**
 * @param {object} [options]
 * @param {(url: string, options: any) => any} [options.respond] answers a post
 * @param {string} [options.cookie]
 * @param {string[]} [options.ids] the ids of dismissed toasts
 */
function newAcks({ respond = () => status(200), cookie = "csrftoken=tok", ids = ["1"] } = {}) {
  const tokens = ["new", "newer"];
  const world = newWorld({
    respond: (url, options) =>
      options?.method ? respond(url, options) : status(200, { "X-CSRFToken": tokens.shift() }),
  });
  const client = fresh("toasts/ack toasts/memory", {
    dataset: { apiUrl: "/api/", pollUrl: "/poll/" },
    cookie,
  });
  client.rememberFor("alice");
  const dismiss = client.markDismissed;
  ids.forEach((id) => dismiss(id));
  const posts = () => world.requests.filter(({ method }) => method);
  return { world, posts, dismiss, memory: client, acknowledge: client.acknowledge };
}

/** @returns {any} */
function noNetwork() {
  throw new TypeError("network");
}

test("all dismissals are sent in one request with the token, and with keepalive", async () => {
  const { posts, memory, acknowledge } = newAcks({ ids: ["1", "2"] });
  await acknowledge();
  const [{ url, method, keepalive, headers, body }] = posts();
  assert.deepEqual([url, method, keepalive], ["/api/read-all/", "POST", true]);
  assert.deepEqual([headers["X-CSRFToken"], headers["Content-Type"]], ["tok", "application/json"]);
  assert.deepEqual(JSON.parse(body), { ids: ["1", "2"] });
  assert.deepEqual(memory.pendingDismissals(), []);
});

test("later dismissals follow one request at a time, with no more ids than the server accepts", async () => {
  const ids = Array.from({ length: 1200 }, (...[, id]) => `${id}`);
  const { world, posts, dismiss, acknowledge } = newAcks({ ids });
  acknowledge();
  dismiss("late");
  acknowledge();
  await world.pass(0);
  assert.deepEqual(
    posts().map(({ body }) => JSON.parse(body).ids.length),
    [500, 500, 201],
  );
});

test("dismissals that failed are sent again after the server has recovered", async () => {
  const answers = [status(503), null, status(502), status(429), status(200)];
  const { world, posts, memory, acknowledge } = newAcks({
    respond: () => answers.shift() ?? noNetwork(),
  });
  for (let well = 1; well <= 5; well++) {
    assert.deepEqual(memory.pendingDismissals(), ["1"]);
    await acknowledge();
    await world.pass(600_000);
    assert.equal(posts().length, well);
  }
  assert.deepEqual(memory.pendingDismissals(), []);
  await acknowledge();
  assert.equal(posts().length, 5);
});

test("it waits as long as Retry-After says", async () => {
  const { world, posts, acknowledge } = newAcks({
    respond: () => status(503, { "Retry-After": "60" }),
  });
  await acknowledge();
  await world.pass(59_999);
  await acknowledge();
  assert.equal(posts().length, 1);
  await world.pass(1);
  await acknowledge();
  assert.equal(posts().length, 2);
});

test("dismissals that the server rejects for good are not repeated", async () => {
  for (const code of [400, 404, 410, 415]) {
    const { world, posts, memory, acknowledge } = newAcks({ respond: () => status(code) });
    acknowledge();
    await world.pass(600_000);
    assert.deepEqual([posts().length, memory.pendingDismissals()], [1, []], String(code));
  }
});

test("an expired session loses no dismissals: they are sent after the next sign-in", async () => {
  for (const [code, times] of [
    [401, 1],
    [403, 2],
  ]) {
    let answer = status(code);
    const { world, posts, memory, acknowledge } = newAcks({ respond: () => answer });
    acknowledge();
    await world.pass(600_000);
    assert.deepEqual([posts().length, memory.pendingDismissals()], [times, ["1"]], String(code));
    answer = status(200);
    await acknowledge();
    assert.deepEqual(memory.pendingDismissals(), []);
  }
});

test("after a refusal another token is used, for the following posts too", async () => {
  const { world, posts, dismiss, memory, acknowledge } = newAcks({
    respond: (url, { headers }) => status(headers["X-CSRFToken"] === "new" ? 200 : 403),
  });
  acknowledge();
  await world.pass(5_000);
  dismiss("2");
  await acknowledge();
  assert.deepEqual(
    posts().map(({ headers }) => headers["X-CSRFToken"]),
    ["tok", "new", "new"],
  );
  assert.deepEqual(memory.pendingDismissals(), []);
});
