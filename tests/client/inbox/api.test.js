import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, json, newWorld, status } from "../fakes.js";

function newApi(dataset, cookie = "") {
  const issue = () => status(200, { [dataset?.csrfHeader ?? "X-CSRFToken"]: "issued" });
  const world = newWorld({
    respond: (url) => (url.includes("csrf=1") ? issue() : json({ ok: 1 })),
  });
  return { world, ...fresh("inbox/api", { dataset, cookie }) };
}

test("the list is at the address of the page's tag, else at the default one", async () => {
  for (const [dataset, url] of [
    [{ apiUrl: "/t/api/" }, "/t/api/count/"],
    [null, "/toasts/api/toasts/count/"],
  ]) {
    const { world, getJson } = newApi(dataset);
    assert.deepEqual(await getJson("count/"), { ok: 1 });
    assert.equal(world.requests[0].url, url);
  }
});

test("a post has the token, by the site's names of the cookie and the header", async () => {
  const { world, postTo } = newApi({ csrfCookie: "jeton", csrfHeader: "X-Jeton" }, "jeton=tok");
  await postTo("7/read/");
  const [{ url, method, headers, keepalive }] = world.requests;
  assert.deepEqual([url, method, keepalive], ["/toasts/api/toasts/7/read/", "POST", true]);
  assert.equal(headers["X-Jeton"], "tok");
});

test("without a readable cookie the token comes from the poll view, in the site's header", async () => {
  const { world, postTo } = newApi({ csrfCookie: "", csrfHeader: "X-Jeton", pollUrl: "/p/" });
  await postTo("read-all/");
  assert.deepEqual(
    world.requests.map(({ url }) => url),
    ["/p/?csrf=1", "/toasts/api/toasts/read-all/"],
  );
  assert.equal(world.requests[1].headers["X-Jeton"], "issued");
});

test("a refusal rejects with the response", async () => {
  const { world, getJson } = newApi({});
  world.respond = () => status(401);
  await assert.rejects(getJson(""), (/** @type {any} */ response) => response.status === 401);
});
