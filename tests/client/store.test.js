import assert from "node:assert/strict";
import { test } from "node:test";

import { newMemory, newStore, toast } from "./fakes.js";

test("the newest toast comes first", () => {
  const { store, ids } = newStore();
  store.put([toast(1)]);
  store.put([toast(2)]);
  assert.deepEqual(ids(), ["2", "1"]);
});

test("a number and its text are one id", () => {
  const { store, ids } = newStore();
  store.put([toast(7)]);
  store.put([toast("7", { message: "changed" })]);
  assert.deepEqual(ids(), ["7"]);
  assert.equal(store.get("7").message, "changed");
});

test("a changed toast keeps its place and is told as an update", () => {
  const { store, changes, ids } = newStore();
  store.put([toast(1)]);
  store.put([toast(2)]);
  store.put([toast(1, { message: "changed" })]);
  assert.deepEqual(ids(), ["2", "1"]);
  const { updated, added } = changes.at(-1);
  assert.equal(added.length, 0);
  assert.equal(updated[0].toast.message, "changed");
  assert.equal(updated[0].previous.message, "message 1");
});

test("a snapshot that brings nothing new is no change", () => {
  const { store, changes } = newStore();
  store.put([toast(1)]);
  store.replace([toast(1)]);
  assert.equal(changes.length, 1);
});

test("a snapshot drops the rest", () => {
  const { store, changes, ids } = newStore();
  store.put([toast(1)]);
  store.replace([toast(9), toast(10)]);
  assert.deepEqual(ids(), ["10", "9"]);
  assert.deepEqual(changes.at(-1).removed.map(({ toast, reason }) => [toast.id, reason]), [["1", "remote"]]);
  assert.equal(changes.at(-1).origin, "snapshot");
});

test("a toast whose dismissal is on its way does not come back", () => {
  const memory = newMemory();
  memory._dismiss("1");
  const { store, ids } = newStore({ memory });
  store.put([toast(1)]);
  store.replace([toast(1, { message: "changed" }), toast(2)]);
  assert.deepEqual(ids(), ["2"]);
});

test("who removes is told: what the user or the time did here, once", () => {
  const told = [];
  const { store } = newStore({ left: ({ id }, reason) => told.push([id, reason]) });
  store.put([toast(1), toast(2), toast(3), toast(4), { ...toast(5), local: true }]);
  store.remove(["1", "5"], "user");
  store.remove(["1"], "user");
  store.remove(["2"], "timeout");
  store.remove(["3"], "timeout", true); // as another tab says
  store.replace([]);
  assert.deepEqual(told, [["1", "user"], ["2", "timeout"]]);
});

test("the page's own toasts outlive snapshots and sign-outs", () => {
  const { store, ids } = newStore();
  store.put([{ ...toast("mine"), local: true }, toast(1)]);
  store.replace([]);
  store.put([toast(2)]);
  store.clear("signed-out");
  assert.deepEqual(ids(), ["mine"]);
});

test("what left the screen by itself comes back only when it has changed", () => {
  const { store, ids } = newStore();
  store.put([toast(1)]);
  store.remove(["1"], "timeout");
  store.replace([toast(1)]);
  assert.deepEqual(ids(), []);
  store.put([toast(1, { message: "changed" })]);
  assert.deepEqual(ids(), ["1"]);
});

test("what the server took away may come again", () => {
  const { store, ids } = newStore();
  store.put([toast(1)]);
  store.remove(["1"], "remote");
  store.put([toast(1)]);
  assert.deepEqual(ids(), ["1"]);
});

test("whoever unsubscribes hears no more", () => {
  const { store } = newStore();
  let heard = 0;
  const end = store.subscribe(() => (heard += 1));
  store.put([toast(1)]);
  end();
  store.put([toast(2)]);
  assert.equal(heard, 1);
});
