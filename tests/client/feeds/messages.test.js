import assert from "node:assert/strict";
import { test } from "node:test";

import { json, status } from "../fakes.js";
import { opened } from "./opened.js";

test("an answer settles the promise of its message", async () => {
  const { feed, socket } = await opened({ transports: ["websocket"] });
  const [first, second] = [feed.send("a"), feed.send("b")];
  assert.deepEqual(socket().sent, [
    { data: "a", ref: 1 },
    { data: "b", ref: 2 },
  ]);
  socket().receive("error", { cell: ["No number."] }, { ref: 2 });
  socket().receive("reply", { ok: true }, { ref: 1 });
  assert.deepEqual(await first, { ok: true });
  await assert.rejects(second, { message: "No number.", errors: { cell: ["No number."] } });
});

test("a message whose connection is lost fails", async () => {
  const { feed, socket } = await opened({ transports: ["websocket"] });
  const sent = feed.send("a");
  socket().end(1006);
  await assert.rejects(sent, /connection was lost/);
});

test("without a WebSocket messages are posted", async () => {
  const { world, feed } = await opened({}, (url, { body }) =>
    JSON.parse(body) === "bad"
      ? json({ name: ["Bad."] }, { status: 400 })
      : json({ got: JSON.parse(body) }),
  );
  assert.deepEqual(await feed.send(7), { got: 7 });
  const [{ url, method, headers }] = world.requests;
  assert.deepEqual([url, method], ["https://site.example/feeds/orders/?origin=me", "POST"]);
  assert.deepEqual(headers, { "Content-Type": "application/json", "X-CSRFToken": "csrf" });
  await assert.rejects(feed.send("bad"), /Bad\./);
});

test("messages are posted with the token, by the site's names of the cookie and the header", async () => {
  const page = { dataset: { csrfCookie: "jeton", csrfHeader: "X-Jeton" }, cookie: "jeton=tok" };
  const { world, feed } = await opened({}, () => json({}), page);
  await feed.send(1);
  const { headers } = world.requests[0];
  assert.deepEqual(headers, { "Content-Type": "application/json", "X-Jeton": "tok" });
});

test("without a readable cookie the token comes from the poll view, and a page's own token is used unchanged", async () => {
  const dataset = { csrfCookie: "", csrfHeader: "X-Jeton", pollUrl: "/p/" };
  const respond = (url) => (url === "/p/?csrf=1" ? status(200, { "X-Jeton": "issued" }) : json({}));
  const asked = await opened({}, respond, { dataset });
  await asked.feed.send(1);
  assert.equal(asked.world.requests.at(-1).headers["X-Jeton"], "issued");
  const given = await opened({ csrf: "own" }, respond, { dataset });
  await given.feed.send(1);
  assert.deepEqual(
    given.world.requests.map(({ headers }) => headers["X-Jeton"]),
    ["own"],
  );
});

test("a message that the feed refuses is posted once, and fails with the feed's reason", async () => {
  const refusal = () => Response.json({ detail: ["You are not a member."] }, { status: 403 });
  const { world, feed } = await opened({}, refusal);
  await assert.rejects(feed.send(1), /You are not a member\./);
  assert.deepEqual(
    world.requests.map(({ method }) => method),
    ["POST"],
  );
});

test("a message whose CSRF token Django refuses is posted once more, if there is another token", async () => {
  for (const [issued, methods] of [
    ["new", ["POST", undefined, "POST"]],
    [undefined, ["POST", undefined]],
  ]) {
    const page = () => status(403, { "Content-Type": "text/html; charset=utf-8" });
    const respond = (url, options) =>
      options?.method ? page() : status(200, issued ? { "X-CSRFToken": issued } : {});
    const { world, feed } = await opened({}, respond);
    await assert.rejects(feed.send(1), /HTTP 403/);
    assert.deepEqual(
      world.requests.map(({ method }) => method),
      methods,
    );
  }
});
