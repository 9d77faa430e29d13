import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, toast } from "../fakes.js";

const { lifetime } = fresh("toasts/timers");

test("a short text stays for at least six seconds", () => {
  const milliseconds = lifetime(toast(1, { message: "hello" }));
  assert.ok(milliseconds >= 6_000 && milliseconds < 7_000, String(milliseconds));
});

test("a long text stays as long as reading it takes", () => {
  const words = 240;
  const milliseconds = lifetime(toast(1, { message: "words ".repeat(words) }));
  assert.ok(milliseconds >= 6_000 + (words / 120) * 1_000);
  assert.ok(milliseconds >= (words / 4) * 1_000, String(milliseconds));
});

test("a given duration is in seconds, and zero stays", () => {
  assert.equal(lifetime(toast(1, { duration: 2.5 })), 2_500);
  assert.equal(lifetime(toast(1, { duration: 0 })), 0);
});

test("errors, toasts with actions and unfinished progress stay, unless they have a duration", () => {
  const actions = [{ name: "undo", label: "Undo", url: "" }];
  for (const stays of [
    { level: "error" },
    { actions },
    { progress: 0 },
    { progress: 99 },
    { progress: true },
  ]) {
    assert.equal(lifetime(toast(1, stays)), 0);
    assert.equal(lifetime(toast(1, { ...stays, duration: 1 })), 1_000);
    assert.equal(lifetime(toast(1, { ...stays, duration: 0 })), 0);
  }
  assert.notEqual(lifetime(toast(1, { progress: 100 })), 0);
});
