import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld, status } from "../fakes.js";

function newCsrf({ csrfCookie = "csrftoken", cookie = "", answers = [] } = {}) {
  const world = newWorld({ respond: () => status(200, { "X-CSRFToken": answers.shift() }) });
  const { csrfToken } = fresh("shared/csrf", {
    dataset: { csrfCookie, pollUrl: "/poll/" },
    cookie,
  });
  return { world, csrfToken };
}

test("the token comes from exactly its cookie", async () => {
  assert.equal(await newCsrf({ cookie: "xcsrftoken=no; csrftoken=a=b; c=3" }).csrfToken(), "a=b");
  assert.equal(
    await newCsrf({ cookie: "=odd; csrftoken=a", csrfCookie: "", answers: ["given"] }).csrfToken(),
    "given",
  );
});

test("the cookie is read each time, without a request", async () => {
  const { world, csrfToken } = newCsrf({ cookie: "csrftoken=one" });
  assert.equal(await csrfToken(false), "one");
  document.cookie = "csrftoken=two"; // a login
  assert.equal(await csrfToken(false), "two");
  assert.deepEqual(world.requests, []);
});

test("without a cookie, or one that scripts may read, the server is asked once", async () => {
  for (const hidden of [{}, { csrfCookie: "", cookie: "csrftoken=of an older setting" }]) {
    const { world, csrfToken } = newCsrf({ ...hidden, answers: ["given"] });
    assert.equal(await csrfToken(false), "given");
    assert.equal(await csrfToken(false), "given");
    assert.deepEqual(
      world.requests.map(({ url }) => url),
      ["/poll/?csrf=1"],
    );
  }
});

test("a refused token is not used again: the server returns another", async () => {
  const { world, csrfToken } = newCsrf({
    cookie: "csrftoken=stale",
    answers: ["fresh", "fresher"],
  });
  assert.equal(await csrfToken(true), "fresh");
  assert.equal(await csrfToken(false), "fresh");
  assert.equal(await csrfToken(true), "fresher");
  assert.equal(world.requests.length, 2);
});

test("without a token from the server the post is sent, and fails", async () => {
  const { world, csrfToken } = newCsrf();
  world.respond = () => status(204);
  assert.equal(await csrfToken(false), null);
});

test("no network is no token", async () => {
  const { world, csrfToken } = newCsrf();
  world.respond = () => {
    throw new TypeError("network");
  };
  assert.equal(await csrfToken(false), null);
});

test("the cookie and the header have the names of the site's settings", async () => {
  const world = newWorld({ respond: () => status(200) });
  const dataset = { csrfCookie: "jeton", csrfHeader: "X-Jeton" };
  const { post } = fresh("shared/csrf", { dataset, cookie: "csrftoken=other; jeton=tok" });
  await post("/x/", { data: 1 });
  const [{ method, headers, body }] = world.requests;
  assert.deepEqual([method, body], ["POST", '{"data":1}']);
  assert.deepEqual(headers, { "Content-Type": "application/json", "X-Jeton": "tok" });
});

test("without a readable cookie the token comes from the form, then from the poll view", async () => {
  const dataset = { csrfCookie: "", csrfHeader: "X-Jeton", pollUrl: "/poll/" };
  const world = newWorld({ respond: () => status(200, { "X-Jeton": "issued" }) });
  assert.equal(
    await fresh("shared/csrf", { dataset, form: "of the form" }).csrfToken(),
    "of the form",
  );
  assert.deepEqual(world.requests, []);
  assert.equal(await fresh("shared/csrf", { dataset }).csrfToken(), "issued");
  assert.deepEqual(
    world.requests.map(({ url }) => url),
    ["/poll/?csrf=1"],
  );
});

test("a post whose token is refused is sent once more with another", async () => {
  const world = newWorld({
    respond: (...[, options]) => (options ? status(403) : status(200, { "X-CSRFToken": "new" })),
  });
  const { post } = fresh("shared/csrf", { cookie: "csrftoken=old" });
  const { status: code } = await post("/x/");
  const tokens = world.requests
    .filter(({ method }) => method)
    .map(({ headers }) => headers["X-CSRFToken"]);
  assert.deepEqual([code, tokens], [403, ["old", "new"]]);
});
