import assert from "node:assert/strict";
import { test } from "node:test";

import { createCsrf, readCookie } from "../../toasts/client/csrf.js";
import { newWorld, status } from "./fakes.js";

function newCsrf({ csrfCookie = "csrftoken", cookie = "", answers = [] } = {}) {
  const world = newWorld({ respond: () => status(200, { "X-CSRFToken": answers.shift() }) });
  const page = (globalThis.document = { cookie });
  const config = { csrfCookie, csrfHeader: "X-C", pollUrl: "/poll/" };
  return { world, page, headers: createCsrf(config) };
}

test("the token comes from exactly its cookie", () => {
  assert.equal(readCookie("xcsrftoken=no; csrftoken=a=b", "csrftoken"), "a=b");
  assert.equal(readCookie("", "csrftoken"), "");
  assert.equal(readCookie("=odd; csrftoken=a", ""), "");
});

test("the cookie is read anew each time, and nothing is asked", async () => {
  const { world, page, headers } = newCsrf({ cookie: "csrftoken=one" });
  assert.deepEqual(await headers(false), { "X-C": "one" });
  page.cookie = "csrftoken=two"; // a login
  assert.deepEqual(await headers(false), { "X-C": "two" });
  assert.deepEqual(world.requests, []);
});

test("without a cookie, or one that scripts may read, the server is asked once", async () => {
  for (const hidden of [{}, { csrfCookie: "", cookie: "csrftoken=of an older setting" }]) {
    const { world, headers } = newCsrf({ ...hidden, answers: ["given"] });
    assert.deepEqual(await headers(false), { "X-C": "given" });
    assert.deepEqual(await headers(false), { "X-C": "given" });
    assert.deepEqual(world.requests.map(({ url }) => url), ["/poll/?csrf=1"]);
  }
});

test("what was refused is not tried again: the server names another", async () => {
  const { world, headers } = newCsrf({ cookie: "csrftoken=stale", answers: ["fresh", "fresher"] });
  assert.deepEqual(await headers(true), { "X-C": "fresh" });
  assert.deepEqual(await headers(false), { "X-C": "fresh" });
  assert.deepEqual(await headers(true), { "X-C": "fresher" });
  assert.equal(world.requests.length, 2);
});

test("a server that names none leaves the post to fail by itself", async () => {
  const { world, headers } = newCsrf();
  world.respond = () => status(204);
  assert.deepEqual(await headers(false), { "X-C": "" });
});

test("no network is no token, and is told", async () => {
  const { world, headers } = newCsrf();
  world.respond = () => { throw new TypeError("network"); };
  await assert.rejects(headers(false), TypeError);
});
