import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, toast } from "../fakes.js";

function newStore() {
  const store = fresh("toasts/store toasts/memory");
  store.rememberFor("alice");
  const changes = [];
  store.listeners.add((change) => changes.push(change));
  return { store, changes, ids: () => store.list().map(({ id }) => id) };
}

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
  assert.equal(store.get(7).message, "changed");
});

test("a changed toast keeps its place and is published as an update", () => {
  const { store, changes, ids } = newStore();
  store.put([toast(1)]);
  store.put([toast(2)]);
  store.put([toast(1, { message: "changed" })]);
  assert.deepEqual(ids(), ["2", "1"]);
  const [{ toast: now, previous, reason }] = changes.at(-1);
  assert.deepEqual([now.message, previous.message, reason], ["changed", "message 1", undefined]);
});

test("a snapshot without differences is no change", () => {
  const { store, changes } = newStore();
  store.put([toast(1)]);
  store.put([toast(1)], ["1"]);
  assert.equal(changes.length, 1);
});

test("a snapshot removes other toasts and adds new ones in a single change", () => {
  const { store, changes, ids } = newStore();
  store.put([toast(1)]);
  let wasSnapshot;
  store.listeners.add((...[, isSnapshot]) => (wasSnapshot = isSnapshot));
  store.put([toast(9), toast(10)], ["9", "10"]);
  assert.deepEqual(ids(), ["10", "9"]);
  assert.deepEqual(
    changes.at(-1).map((change) => [change.toast.id, change.reason]),
    [
      ["1", "remote"],
      ["9", undefined],
      ["10", undefined],
    ],
  );
  assert.equal(wasSnapshot, true);
});

test("a toast whose dismissal is being sent does not appear again", () => {
  const { store, ids } = newStore();
  store.markDismissed(toast(1));
  store.put([toast(1)]);
  store.put([toast(1, { message: "changed" }), toast(2)], ["1", "2"]);
  assert.deepEqual(ids(), ["2"]);
});

test("remove returns the removed toast", () => {
  const { store } = newStore();
  store.put([toast(1), toast(2)]);
  assert.deepEqual(
    store.remove(["1", 2, "3"], "user").map(({ id }) => id),
    ["1", "2"],
  );
  assert.deepEqual(store.remove(["1"], "user"), []);
});

test("the page's own toasts survive snapshots and sign-outs", () => {
  const { store, ids } = newStore();
  store.put([{ ...toast("mine"), local: true }, toast(1)]);
  store.put([], []);
  store.put([toast(2)]);
  store.clear("signed-out");
  assert.deepEqual(ids(), ["mine"]);
});

test("a toast whose time is over appears again only when it has changed", () => {
  const { store, ids } = newStore();
  store.put([toast(1)]);
  store.remove(["1"], "timeout").forEach((gone) => store.markHidden(gone));
  store.put([toast(1)], ["1"]);
  assert.deepEqual(ids(), []);
  store.put([toast(1, { message: "changed" })]);
  assert.deepEqual(ids(), ["1"]);
});

test("a toast that the server removed may appear again", () => {
  const { store, ids } = newStore();
  store.put([toast(1)]);
  store.remove(["1"], "remote");
  store.put([toast(1)]);
  assert.deepEqual(ids(), ["1"]);
});
