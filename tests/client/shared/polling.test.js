import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh } from "../fakes.js";

const { pauseAfterPoll } = fresh("shared/polling");

test("after news the next poll begins a second after the last one began, or at once if that took longer", () => {
  assert.equal(pauseAfterPoll(true, 200), 800);
  assert.equal(pauseAfterPoll(true, 3_000), 0);
});

test("a server that held the poll is asked again at once", () => {
  assert.equal(pauseAfterPoll(false, 25_000), 0);
});

test("a server that answers at once without news is asked ten seconds later, and not by all at once", () => {
  const pause = pauseAfterPoll(false, 10);
  assert.ok(pause >= 10_000 && pause <= 15_000, String(pause));
});

test("a server that is slow under load gets the pause that the caller grants", () => {
  assert.equal(pauseAfterPoll(false, 5_000, 1_000), 1_000);
  assert.equal(pauseAfterPoll(true, 5_000, 1_000), 1_000);
});
