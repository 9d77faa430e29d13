import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, toast } from "../fakes.js";

function newMemory(stored = {}, owner = "alice") {
  const memory = fresh("toasts/memory", { stored });
  memory.openStorage();
  memory.rememberFor(owner);
  return memory;
}

test("a hidden toast stays hidden in all tabs and on the next page, until it changes", () => {
  const stored = {};
  newMemory(stored).markHidden(toast(1));
  const other = newMemory(stored);
  assert.ok(other.isHidden(toast(1)));
  assert.ok(!other.isHidden(toast(1, { message: "changed" })));
  assert.ok(!other.isHidden(toast(2)));
});

test("a dismissal is pending for its user only", () => {
  const stored = {};
  newMemory(stored).markDismissed(toast(1));
  const bobs = newMemory(stored, "bob");
  assert.deepEqual([bobs.pendingDismissals(), bobs.isHidden(toast(1))], [[], false]);
  assert.deepEqual(newMemory(stored).pendingDismissals(), ["1"]);
});

test("while the owner is not known, the site's own entries stay as they are", () => {
  for (const unknown of [undefined, ""]) {
    const stored = { unrelated: "!", 1: "the site's", undefined1: "too" };
    const before = { ...stored };
    const memory = newMemory(stored);
    memory.rememberFor(unknown);
    memory.forgetInactive(["1"]);
    memory.keepActive([]);
    assert.deepEqual(stored, before);
    memory.markAcknowledged("1"); // an answer after the user has signed out
    assert.deepEqual(stored, before);
  }
});

test("a snapshot removes entries of toasts that are no longer active, but not pending dismissals", () => {
  const stored = {};
  const memory = newMemory(stored);
  memory.markHidden(toast(1));
  memory.markHidden(toast(2));
  memory.markDismissed(toast(3));
  memory.keepActive(["2"]);
  assert.deepEqual(
    Object.keys(stored).map((key) => key.split("alice")[1]),
    [":2", ":3"],
  );
});

test("a dismissal that the server accepted but did not apply is sent again", () => {
  const memory = newMemory();
  memory.markDismissed(toast(1));
  memory.markAcknowledged("1");
  assert.deepEqual(
    [memory.pendingDismissals(), memory.isHidden(toast(1, { message: "late" }))],
    [[], true],
  );
  memory.keepActive(["1"]);
  assert.deepEqual(memory.pendingDismissals(), ["1"]);
});

test("a toast that is gone after its dismissal was sent may appear again", () => {
  const memory = newMemory();
  memory.markDismissed(toast(1));
  memory.markAcknowledged("1");
  memory.forgetInactive(["1"]);
  assert.ok(!memory.isHidden(toast(1)));
});

test("a toast that is gone before the server's answer may appear again after it, and its dismissal is sent until then", () => {
  const stored = {};
  const memory = newMemory(stored);
  memory.markDismissed(toast(1));
  memory.forgetInactive(["1"]);
  assert.deepEqual([memory.pendingDismissals(), memory.isHidden(toast(1))], [["1"], true]);
  memory.markAcknowledged("1");
  assert.deepEqual([stored, memory.isHidden(toast(1))], [{}, false]);
});

test("before the owner is known no dismissals are sent", () => {
  const stored = {};
  newMemory(stored).markDismissed(toast(1));
  const memory = fresh("toasts/memory", { stored });
  memory.openStorage();
  memory.keepActive([]);
  assert.deepEqual([memory.pendingDismissals(), Object.keys(stored).length], [[], 1]);
});

test("if the storage is full or forbidden, the page keeps the entries in memory", () => {
  const full = new Proxy(
    { unrelated: "1" },
    {
      set: () => {
        throw new Error("QuotaExceededError");
      },
    },
  );
  for (const stored of [full, null]) {
    const memory = newMemory(stored);
    memory.markDismissed(toast(1));
    memory.markHidden(toast(2));
    assert.deepEqual([memory.pendingDismissals(), memory.isHidden(toast(2))], [["1"], true]);
    memory.markAcknowledged("1");
    assert.deepEqual(memory.pendingDismissals(), []);
  }
});

test("reading the storage may be forbidden", () => {
  const memory = fresh("toasts/memory");
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new DOMException("denied", "SecurityError");
    },
  });
  memory.openStorage();
  memory.rememberFor("alice");
  memory.markDismissed(toast(1));
  assert.deepEqual(memory.pendingDismissals(), ["1"]);
});

test("a new toast with the id of a lost one is shown, and its dismissal is not sent", () => {
  const lost = toast(1);
  const given = [
    toast(1, { created_at: "2026-02-02T00:00:00Z" }), // the same text again
    toast(1, { created_at: "2026-02-02T00:00:00Z", message: "another" }),
  ];
  for (const other of given) {
    const traces = [
      (memory) => memory.markHidden(lost),
      (memory) => memory.markDismissed(lost),
      (memory) => {
        memory.markDismissed(lost);
        memory.markAcknowledged("1");
      },
      (memory) => {
        memory.markDismissed(lost);
        memory.forgetInactive(["1"]);
      },
    ];
    for (const leave of traces) {
      const stored = {};
      const memory = newMemory(stored);
      leave(memory);
      memory.keepActive(["1"]);
      assert.ok(!memory.isHidden(other), String(leave));
      assert.deepEqual([memory.pendingDismissals(), stored], [[], {}], String(leave));
      memory.keepActive(["1"]);
      assert.deepEqual(memory.pendingDismissals(), []);
    }
  }
});

test("toasts that the backup contains stay hidden and dismissed", () => {
  const memory = newMemory();
  memory.markHidden(toast(1));
  memory.markDismissed(toast(2));
  memory.keepActive(["1", "2"]);
  assert.ok(memory.isHidden(toast(1)));
  assert.ok(memory.isHidden(toast(2)));
  assert.deepEqual(memory.pendingDismissals(), ["2"]);
});
