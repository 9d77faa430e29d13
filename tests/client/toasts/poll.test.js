import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, json, newWorld, status } from "../fakes.js";

const { poll } = fresh("toasts/poll", { dataset: { pollUrl: "/poll/" } });

/** @returns the outcome of the poll, and its URL. */
async function ask(respond, ...rest) {
  const world = newWorld({ respond });
  const { toasts, cursor, signedOut, retryAfter, status: code } = await poll(...rest);
  const known = Object.entries({ toasts, cursor, signedOut, retryAfter });
  const answer = Object.fromEntries(known.filter(([, value]) => value));
  return { answer, code, url: world.requests[0].url };
}

test("the active toasts come with the id of their state", async () => {
  const { answer, url } = await ask(() => json({ toasts: [1], cursor: "alice.5" }));
  assert.deepEqual(answer, { toasts: [1], cursor: "alice.5" });
  assert.equal(url, "/poll/");
});

test("a long poll sends the id of the page's state", async () => {
  const { url } = await ask(() => status(204), 25, "alice.5");
  assert.equal(url, "/poll/?wait=25&cursor=alice.5");
});

test("204, 401, 403 and a login page are signed out", async () => {
  const login = Object.defineProperty(new Response("<html>"), "redirected", { value: true });
  for (const response of [status(204), status(401), status(403), login]) {
    assert.deepEqual((await ask(() => response)).answer, { signedOut: true });
  }
});

test("any other answer is a failure, with the server's Retry-After of at most five minutes", async () => {
  const wishes = [
    [status(503), 0],
    [status(503, { "Retry-After": "60" }), 60_000],
    [status(429, { "Retry-After": "86400" }), 300_000],
    [status(500, { "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT" }), 0],
    [json({}), 0],
    [new Response("<html>"), 0],
  ];
  for (const [response, after] of wishes)
    assert.deepEqual((await ask(() => response)).answer, after ? { retryAfter: after } : {});
});

test("no network is status 0", async () => {
  const { answer, code } = await ask(() => {
    throw new TypeError("network");
  });
  assert.deepEqual([answer, code], [{}, 0]);
});
