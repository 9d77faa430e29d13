import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh } from "./fakes.js";

const config = (dataset) => fresh("config", { dataset });

test("the script's data attributes are the settings", () => {
  const { streamUrl, pollUrl, apiUrl, csrfCookie, csrfHeader } = config({
    streamUrl: "/t/stream/", pollUrl: "/t/poll/", apiUrl: "/t/api/toasts/", csrfCookie: "c", csrfHeader: "X-C" });
  assert.deepEqual([streamUrl, pollUrl, apiUrl, csrfCookie, csrfHeader], ["/t/stream/", "/t/poll/", "/t/api/toasts/", "c", "X-C"]);
});

test("without a script, or with nonsense in it, the defaults stand", () => {
  for (const odd of [config(null), config({ heartbeat: "x", limit: "0", labels: "{" })]) {
    assert.equal(odd.streamUrl, "/toasts/stream/");
    assert.equal(odd.heartbeat, 15_000);
    assert.equal(odd.limit, 3);
    assert.equal(odd.labels.region, "Notifications");
  }
});

test("texts can be translated one by one", () => {
  const { labels } = config({ labels: '{"region": "Meldungen"}' });
  assert.equal(labels.region, "Meldungen");
  assert.equal(labels.error, "Error");
});

test("a placeholder takes any text as it is", () => {
  const { label } = config({});
  assert.equal(label("+{n} more", 3), "+3 more");
  assert.equal(label("Dismiss: {text}", "$& {text}"), "Dismiss: $& {text}");
});

test("a cookie out of a script's reach has no name, and gets none", () => {
  assert.equal(config({ csrfCookie: "" }).csrfCookie, "");
  assert.equal(config({}).csrfCookie, "csrftoken");
});
