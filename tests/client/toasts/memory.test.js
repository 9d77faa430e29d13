import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, toast } from "../fakes.js";

function newMemory(stored = {}, who = "alice") {
  const memory = fresh("toasts/memory", { stored });
  memory.openStorage();
  memory.rememberFor(who);
  return memory;
}

test("what was hidden stays hidden in all tabs and on the next page, until it changes", () => {
  const stored = {};
  newMemory(stored).remember(toast(1));
  const other = newMemory(stored);
  assert.ok(other.hides(toast(1)));
  assert.ok(!other.hides(toast(1, { message: "changed" })));
  assert.ok(!other.hides(toast(2)));
});

test("a dismissal is pending for its user alone", () => {
  const stored = {};
  newMemory(stored).remember(toast(1), true);
  const bobs = newMemory(stored, "bob");
  assert.deepEqual([bobs.pending(), bobs.hides(toast(1))], [[], false]);
  assert.deepEqual(newMemory(stored).pending(), ["1"]);
});

test("while nobody is known, what the site keeps stays as it is", () => {
  for (const nobody of [undefined, ""]) {
    const stored = { unrelated: "!", 1: "the site's", undefined1: "too" };
    const there = { ...stored };
    const memory = newMemory(stored);
    memory.rememberFor(nobody);
    memory.forget(["1"]);
    memory.prune([]);
    assert.deepEqual(stored, there);
    memory.told("1"); // an answer that comes after the user has left
    assert.deepEqual(stored, there);
  }
});

test("a snapshot clears up: what is no longer active is forgotten, unless the server is still to be told", () => {
  const stored = {};
  const memory = newMemory(stored);
  memory.remember(toast(1));
  memory.remember(toast(2));
  memory.remember(toast(3), true);
  memory.prune(["2"]);
  assert.deepEqual(Object.keys(stored).map((key) => key.split("alice")[1]), [":2", ":3"]);
});

test("what the server was told but still has is told again", () => {
  const memory = newMemory();
  memory.remember(toast(1), true);
  memory.told("1");
  assert.deepEqual([memory.pending(), memory.hides(toast(1, { message: "late" }))], [[], true]);
  memory.prune(["1"]);
  assert.deepEqual(memory.pending(), ["1"]);
});

test("what was told and is gone may come again", () => {
  const memory = newMemory();
  memory.remember(toast(1), true);
  memory.told("1");
  memory.forget(["1"]);
  assert.ok(!memory.hides(toast(1)));
});

test("what is gone before the server's answer may come again after it, and is told until then", () => {
  const stored = {};
  const memory = newMemory(stored);
  memory.remember(toast(1), true);
  memory.forget(["1"]);
  assert.deepEqual([memory.pending(), memory.hides(toast(1))], [["1"], true]);
  memory.told("1");
  assert.deepEqual([stored, memory.hides(toast(1))], [{}, false]);
});

test("before anybody is known nothing of anybody's is told", () => {
  const stored = {};
  newMemory(stored).remember(toast(1), true);
  const memory = fresh("toasts/memory", { stored });
  memory.openStorage();
  memory.prune([]);
  assert.deepEqual([memory.pending(), Object.keys(stored).length], [[], 1]);
});

test("where storage is full or forbidden the page remembers by itself", () => {
  const full = new Proxy({ unrelated: "1" }, { set: () => { throw new Error("QuotaExceededError"); } });
  for (const stored of [full, null]) {
    const memory = newMemory(stored);
    memory.remember(toast(1), true);
    memory.remember(toast(2));
    assert.deepEqual([memory.pending(), memory.hides(toast(2))], [["1"], true]);
    memory.told("1");
    assert.deepEqual(memory.pending(), []);
  }
});

test("to read storage may be forbidden", () => {
  const memory = fresh("toasts/memory");
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get() { throw new DOMException("denied", "SecurityError"); } });
  memory.openStorage();
  memory.rememberFor("alice");
  memory.remember(toast(1), true);
  assert.deepEqual(memory.pending(), ["1"]);
});
