import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh } from "../fakes.js";

const { pauseAfterPoll } = fresh("shared/polling");

test("after news the next poll starts a second after the start of the last one, or at once if it took longer", () => {
  assert.equal(pauseAfterPoll(true, 200), 800);
  assert.equal(pauseAfterPoll(true, 3_000), 0);
});

test("after a poll that the server held, the next one starts at once", () => {
  assert.equal(pauseAfterPoll(false, 25_000), 0);
});

test("after an immediate answer without news, the next poll starts ten seconds later, with jitter", () => {
  const pause = pauseAfterPoll(false, 10);
  assert.ok(pause >= 10_000 && pause <= 15_000, String(pause));
});

test("a slow server gets the pause of the caller", () => {
  assert.equal(pauseAfterPoll(false, 5_000, 1_000), 1_000);
  assert.equal(pauseAfterPoll(true, 5_000, 1_000), 1_000);
});
