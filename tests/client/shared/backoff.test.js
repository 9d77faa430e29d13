import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh } from "../fakes.js";

const { fullJitter, spread } = fresh("shared/backoff");
const FAILURES = [0, 1, 2, 3, 4, 5, 50];

function delays(random, least) {
  Math.random = () => random;
  return FAILURES.map((failures) => fullJitter(failures, least));
}

test("the bound doubles from one second to thirty", () => {
  assert.deepEqual(delays(1), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

test("the jitter is full: any delay from zero to the bound", () => {
  assert.deepEqual(delays(0), [0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(delays(0.5).slice(0, 2), [500, 1_000]);
});

test("the minimum is added to the range, and the bound stays thirty seconds", () => {
  assert.deepEqual(delays(0, 1_000), [1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000]);
  assert.deepEqual(delays(1, 1_000), [2_000, 3_000, 5_000, 9_000, 17_000, 30_000, 30_000]);
});

test("a spread adds up to half", () => {
  Math.random = () => 0;
  assert.equal(spread(10_000), 10_000);
  Math.random = () => 1;
  assert.equal(spread(10_000), 15_000);
});
