import assert from "node:assert/strict";
import { test } from "node:test";

import { createBackoff } from "../../../toasts/client/shared/backoff.js";

test("the bound doubles from one second to thirty", () => {
  const backoff = createBackoff({ random: () => 1 });
  assert.deepEqual(Array.from({ length: 7 }, () => backoff.next()), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

test("the jitter is full: any time from none to the bound", () => {
  const backoff = createBackoff({ random: () => 0 });
  assert.equal(backoff.next(), 0);
  const half = createBackoff({ random: () => 0.5 });
  assert.deepEqual([half.next(), half.next()], [500, 1_000]);
});

test("a reset starts over", () => {
  const backoff = createBackoff({ random: () => 1 });
  backoff.next();
  backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 1_000);
});

test("what the server asks for is the least", () => {
  const backoff = createBackoff({ random: () => 1 });
  assert.equal(backoff.next(20_000), 20_000);
  assert.equal(backoff.next(10), 2_000);
});
