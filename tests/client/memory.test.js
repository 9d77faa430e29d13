import assert from "node:assert/strict";
import { test } from "node:test";

import { createMemory, safeStorage } from "../../toasts/client/memory.js";
import { newMemory, toast } from "./fakes.js";

test("what was hidden stays hidden in all tabs and on the next page, until it changes", () => {
  const content = {};
  newMemory(content)._hide(toast(1));
  const other = newMemory(content);
  assert.ok(other._hides(toast(1)));
  assert.ok(!other._hides(toast(1, { message: "changed" })));
  assert.ok(!other._hides(toast(2)));
});

test("a dismissal is pending for its user alone", () => {
  const content = {};
  newMemory(content)._dismiss("1");
  const bobs = newMemory(content, "bob");
  assert.deepEqual([bobs._pending(), bobs._hides(toast(1))], [[], false]);
  assert.deepEqual(newMemory(content)._pending(), ["1"]);
});

test("of nobody nothing is remembered", () => {
  for (const nobody of [null, ""]) {
    const content = { unrelated: "!" };
    const memory = newMemory(content, nobody);
    memory._dismiss("1");
    memory._hide(toast(2));
    memory._prune([]);
    assert.deepEqual([memory._pending(), content], [[], { unrelated: "!" }]);
  }
});

test("a snapshot clears up: what is no longer active is forgotten, unless the server is still to be told", () => {
  const content = {};
  const memory = newMemory(content);
  memory._hide(toast(1));
  memory._hide(toast(2));
  memory._dismiss("3");
  memory._prune(["2"]);
  assert.deepEqual(Object.keys(content), ["toasts:alice:2", "toasts:alice:3"]);
});

test("what the server was told but still has is told again", () => {
  const memory = newMemory();
  memory._dismiss("1");
  memory._told("1", true);
  assert.deepEqual([memory._pending(), memory._hides(toast(1, { message: "late" }))], [[], true]);
  memory._prune(["1"]);
  assert.deepEqual(memory._pending(), ["1"]);
});

test("what was told and is gone may come again", () => {
  const memory = newMemory();
  for (const gone of [() => memory._told("1", false), () => memory._told("1", true) || memory._forget(["1"])]) {
    memory._dismiss("1");
    gone();
    assert.ok(!memory._hides(toast(1)));
  }
});

test("storage that is full or forbidden does no harm", () => {
  const full = new Proxy({}, { set: () => { throw new Error("QuotaExceededError"); } });
  const denied = () => { throw new DOMException("denied", "SecurityError"); };
  for (const [open, pending] of [[() => full, []], [denied, ["1"]], [() => null, ["1"]]]) {
    const memory = createMemory(safeStorage(open), "toasts");
    memory._of("alice");
    memory._dismiss("1");
    assert.deepEqual(memory._pending(), pending);
  }
});
