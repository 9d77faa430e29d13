import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, json, newWorld, status, toast } from "../fakes.js";

/** The view's answer. */
const done = () => json({ count: 1 });

/**
 * @param {object} [options]
 * @param {(url: string, options: any) => any} [options.respond] answers a post
 * @param {string} [options.cookie]
 * @param {string[]} [options.ids] the ids of dismissed toasts
 */
function newAcks({ respond = done, cookie = "csrftoken=tok", ids = ["1"] } = {}) {
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
  const dismiss = (id) => client.markDismissed(toast(id));
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
  const answers = [status(503), null, status(502), status(429), done()];
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

test("dismissals that the API rejects are not repeated", async () => {
  const { world, posts, memory, acknowledge } = newAcks({
    respond: () => json({ ids: { 0: ["A valid integer is required."] } }, { status: 400 }),
  });
  acknowledge();
  await world.pass(600_000);
  assert.deepEqual([posts().length, memory.pendingDismissals()], [1, []]);
});

test("an answer that does not come from the API settles nothing; the next attempt is a minute later", async () => {
  const html = (code) => new Response("<title>Log in", { status: code });
  const others = [
    () => html(200), // a login page
    () => html(404), // a proxy whose server is being replaced
    () => json({ detail: "Not found." }, { status: 404 }),
    () => json({ ok: false }),
    () => json(null),
    () => status(204),
    ...[400, 401, 404, 406, 410, 415].map((code) => () => status(code)),
  ];
  for (const respond of others) {
    const { world, posts, memory, acknowledge } = newAcks({ respond });
    for (let second = 0; second < 60; second++) {
      acknowledge();
      await world.pass(1_000);
    }
    assert.deepEqual([posts().length, memory.pendingDismissals()], [1, ["1"]], String(respond));
    world.respond = done;
    await acknowledge();
    assert.deepEqual([posts().length, memory.pendingDismissals()], [2, []], String(respond));
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
    answer = done();
    await acknowledge();
    assert.deepEqual(memory.pendingDismissals(), []);
  }
});

test("after a refusal another token is used, for the following posts too", async () => {
  const { world, posts, dismiss, memory, acknowledge } = newAcks({
    respond: (url, { headers }) => (headers["X-CSRFToken"] === "new" ? done() : status(403)),
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
