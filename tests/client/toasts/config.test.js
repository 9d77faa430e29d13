import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh } from "../fakes.js";

const config = (dataset) => fresh("toasts/config", { dataset });

test("the script's data attributes are the settings", () => {
  const { settings, limit } = config({ streamUrl: "/t/stream/", limit: "5", region: "Meldungen" });
  assert.deepEqual(
    [settings.streamUrl, settings.region, settings.error, limit],
    ["/t/stream/", "Meldungen", "Error", 5],
  );
});

test("a tag written by hand, with nothing but data-toasts, has Django's defaults", () => {
  const { settings, limit } = config({});
  assert.deepEqual([settings.streamUrl, settings.pollUrl], ["/toasts/stream/", "/toasts/poll/"]);
  assert.deepEqual([settings.position, settings.hotkey], ["bottom-end", "F6 alt+KeyT"]);
  assert.deepEqual([settings.more, settings.clear], ["+{n} more", "Dismiss all"]);
  assert.equal(limit, 3);
});

test("an invalid limit is replaced by the default", () => {
  assert.equal(config({ limit: "many" }).limit, 3);
  assert.equal(config({ limit: "0" }).limit, 3);
});

test("a placeholder takes any text as it is", () => {
  const { fill } = config({});
  assert.equal(fill("{n} new", 3), "3 new");
  assert.equal(fill("Dismiss: {text}", "$& {text}"), "Dismiss: $& {text}");
});
