import assert from "node:assert/strict";
import { test } from "node:test";

import { createHidden } from "../../toasts/client/memory.js";
import { memoryStorage, newStore, toast } from "./fakes.js";

test("the newest toast comes first", () => {
  const { store, ids } = newStore();
  store.receive([toast(1)]);
  store.receive([toast(2)]);
  assert.deepEqual(ids(), ["2", "1"]);
});

test("a number and its text are one id", () => {
  const { store, ids } = newStore();
  store.receive([toast(7)]);
  store.receive([toast("7", { message: "changed" })]);
  assert.deepEqual(ids(), ["7"]);
  assert.equal(store.get("7").message, "changed");
});

test("a changed toast keeps its place and is told as an update", () => {
  const { store, changes, ids } = newStore();
  store.receive([toast(1)]);
  store.receive([toast(2)]);
  store.receive([toast(1, { message: "changed" })]);
  assert.deepEqual(ids(), ["2", "1"]);
  const { updated, added } = changes.at(-1);
  assert.equal(added.length, 0);
  assert.equal(updated[0].toast.message, "changed");
  assert.equal(updated[0].previous.message, "message 1");
});

test("a snapshot that brings nothing new is no change", () => {
  const { store, changes } = newStore();
  store.receive([toast(1)]);
  store.replace([toast(1)], ["1"]);
  assert.equal(changes.length, 1);
});

test("a snapshot is put in the order of age and drops the rest", () => {
  const { store, changes, ids } = newStore();
  store.receive([toast(1)]);
  const old = toast(9, { created_at: "2026-01-01T00:00:01Z" });
  const young = toast(3, { created_at: "2026-01-01T00:00:02Z" });
  store.replace([young, old, toast(10, { created_at: "2026-01-01T00:00:01Z" })], ["3", "9", "10"]);
  assert.deepEqual(ids(), ["3", "10", "9"]);
  assert.deepEqual(changes.at(-1).removed.map(({ toast, reason }) => [toast.id, reason]), [["1", "remote"]]);
  assert.equal(changes.at(-1).origin, "snapshot");
});

test("a toast whose dismissal is on its way does not come back", () => {
  const { store, ids } = newStore({ pending: new Set(["1"]) });
  store.receive([toast(1)]);
  store.replace([toast(1, { message: "changed" }), toast(2)], ["1", "2"]);
  assert.deepEqual(ids(), ["2"]);
});

test("what left the screen by itself comes back only when it has changed", () => {
  const { store, ids } = newStore();
  store.receive([toast(1)]);
  store.remove(["1"], "timeout");
  store.replace([toast(1)], ["1"]);
  assert.deepEqual(ids(), []);
  store.receive([toast(1, { message: "changed" })]);
  assert.deepEqual(ids(), ["1"]);
});

test("what the server took away may come again", () => {
  const { store, ids } = newStore();
  store.receive([toast(1)]);
  store.remove(["1"], "remote");
  store.receive([toast(1)]);
  assert.deepEqual(ids(), ["1"]);
});

test("what was hidden stays hidden on the next page of the tab", () => {
  const tab = {};
  const first = newStore({ hidden: createHidden(memoryStorage(tab)) });
  first.store.receive([toast(1), toast(2)]);
  first.store.remove(["1"], "timeout");
  const second = newStore({ hidden: createHidden(memoryStorage(tab)) });
  second.store.replace([toast(1), toast(2)], ["1", "2"]);
  assert.deepEqual(second.ids(), ["2"]);
});

test("only the newest hidden toasts are remembered", () => {
  const hidden = createHidden(memoryStorage(), 2);
  for (const id of ["1", "2", "1", "3"]) hidden.add(id, 5);
  assert.deepEqual(["1", "2", "3"].map((id) => hidden.has(id, 5)), [true, false, true]);
});

test("storage that holds rubbish, is full or is forbidden does no harm", () => {
  for (const rubbish of ["{", "5", '"x"', "[1]", "null"]) {
    const hidden = createHidden(memoryStorage({ "toasts:hidden": rubbish }));
    hidden.add("1", 5);
    assert.ok(hidden.has("1", 5), rubbish);
  }
  const full = new Proxy({}, { set: () => { throw new Error("QuotaExceededError"); } });
  createHidden(memoryStorage(full)).add("1", 5);
});

test("whoever unsubscribes hears no more", () => {
  const { store } = newStore();
  let heard = 0;
  const end = store.subscribe(() => (heard += 1));
  store.receive([toast(1)]);
  end();
  store.receive([toast(2)]);
  assert.equal(heard, 1);
});

test("a restored page knows what later pages of its tab have hidden", () => {
  const tab = {};
  const restored = createHidden(memoryStorage(tab));
  createHidden(memoryStorage(tab)).add("1", 5);
  restored.reload();
  restored.add("2", 5);
  const next = createHidden(memoryStorage(tab));
  assert.deepEqual(["1", "2"].map((id) => next.has(id, 5)), [true, true]);
});
