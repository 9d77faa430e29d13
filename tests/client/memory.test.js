import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, toast } from "./fakes.js";

function newMemory(stored = {}, who = "alice") {
  const memory = fresh("memory", { stored });
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

test("of nobody nothing is remembered", () => {
  for (const nobody of [null, ""]) {
    const stored = { unrelated: "!", 1: "the site's", null1: "too" };
    const there = { ...stored };
    const memory = newMemory(stored, nobody);
    memory.remember(toast(1), true);
    memory.remember(toast(2));
    memory.prune([]);
    memory.told("1", false); // an answer that comes after the user has left
    memory.forget(["1"]);
    assert.deepEqual([memory.pending(), stored], [[], there]);
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
  memory.told("1", true);
  assert.deepEqual([memory.pending(), memory.hides(toast(1, { message: "late" }))], [[], true]);
  memory.prune(["1"]);
  assert.deepEqual(memory.pending(), ["1"]);
});

test("what was told and is gone may come again", () => {
  const memory = newMemory();
  const late = () => {
    memory.told("1", true);
    memory.forget(["1"]);
  };
  for (const gone of [() => memory.told("1", false), late]) {
    memory.remember(toast(1), true);
    gone();
    assert.ok(!memory.hides(toast(1)));
  }
});

test("where storage is full or forbidden the page remembers by itself", () => {
  const full = new Proxy({ unrelated: "1" }, { set: () => { throw new Error("QuotaExceededError"); } });
  for (const stored of [full, null]) {
    const memory = newMemory(stored);
    memory.remember(toast(1), true);
    memory.remember(toast(2));
    assert.deepEqual([memory.pending(), memory.hides(toast(2))], [["1"], true]);
    memory.told("1", false);
    assert.deepEqual(memory.pending(), []);
  }
  const { open } = newMemory();
  assert.deepEqual(open(() => { throw new DOMException("denied", "SecurityError"); }), {});
});
