import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh } from "../fakes.js";

/** @returns {any} the page's document, whose tag of toasts.js has this `dataset` */
const page = () => document;

test("a script before the tag of toasts.js reads the tag once it exists", () => {
  const { serverSettings } = fresh("shared/settings", { dataset: null });
  assert.equal(serverSettings().csrfHeader, "X-CSRFToken");
  page().dataset = { csrfHeader: "X-XSRF-Token" };
  assert.equal(serverSettings().csrfHeader, "X-XSRF-Token");
  page().dataset = null; // a page swap has removed it
  assert.equal(serverSettings().csrfHeader, "X-XSRF-Token");
});

test("without the tag of toasts.js a script's own attributes are used", () => {
  const own = { dataset: { csrfCookie: "jeton", heartbeat: "30" } };
  const { serverSettings, heartbeat } = fresh("shared/settings", { dataset: null, own });
  assert.deepEqual([serverSettings().csrfCookie, heartbeat()], ["jeton", 30_000]);
  page().dataset = { csrfCookie: "" };
  assert.equal(serverSettings().csrfCookie, "");
});

test("without a heartbeat in a tag, the longest that the server allows is used", () => {
  for (const dataset of [null, { heartbeat: undefined }, { heartbeat: "x" }]) {
    assert.equal(fresh("shared/settings", { dataset }).heartbeat(), 55_000);
  }
  assert.equal(fresh("shared/settings", { dataset: { heartbeat: "2.5" } }).heartbeat(), 2_500);
});
