import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh } from "../fakes.js";

const config = (dataset) => fresh("toasts/config", { dataset });

test("the script's data attributes are the settings", () => {
  const { settings, heartbeat } = config({ streamUrl: "/t/stream/", heartbeat: "2.5", region: "Meldungen" });
  assert.deepEqual([settings.streamUrl, settings.region, heartbeat], ["/t/stream/", "Meldungen", 2_500]);
});

test("a placeholder takes any text as it is", () => {
  const { label } = config({});
  assert.equal(label("{n} new", 3), "3 new");
  assert.equal(label("Dismiss: {text}", "$& {text}"), "Dismiss: $& {text}");
});
