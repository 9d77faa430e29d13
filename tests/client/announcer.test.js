import assert from "node:assert/strict";
import { test } from "node:test";

import { createAnnouncer } from "../../toasts/client/announcer.js";
import { readConfig } from "../../toasts/client/config.js";
import { memoryStorage, newStore, newWorld, toast } from "./fakes.js";

function newAnnouncer({ hidden = false, hinted = true } = {}) {
  const world = newWorld();
  const page = Object.assign(new EventTarget(), { hidden });
  const output = { textContent: "" };
  const storage = memoryStorage(hinted ? { "toasts:hinted": "1" } : {});
  const { store } = newStore();
  store.subscribe(createAnnouncer({ output, labels: readConfig(null).labels, world, page, storage }));
  return { world, page, output, store };
}

test("level, title and message are said a moment later, and then taken away", async () => {
  const { world, output, store } = newAnnouncer();
  store.receive([toast(1, { level: "error", title: "Export failed", message: "Disk full" })]);
  assert.equal(output.textContent, "");
  await world.pass(150);
  assert.equal(output.textContent, "Error: Export failed. Disk full");
  await world.pass(1_000);
  assert.equal(output.textContent, "");
});

test("how to get there is said once", async () => {
  const { world, output, store } = newAnnouncer({ hinted: false });
  store.receive([toast(1)]);
  await world.pass(150);
  assert.match(output.textContent, /F6/);
  store.receive([toast(2)]);
  await world.pass(150);
  assert.equal(output.textContent, "Info: message 2");
});

test("several that were there before the page are one summary", async () => {
  const { world, output, store } = newAnnouncer();
  store.replace([toast(1), toast(2)], ["1", "2"]);
  await world.pass(150);
  assert.equal(output.textContent, "2 new notifications");
});

test("a burst is counted, not read out", async () => {
  const { world, output, store } = newAnnouncer();
  for (let id = 0; id < 4; id++) store.receive([toast(id)]);
  await world.pass(150);
  assert.equal(output.textContent, "4 new notifications");
});

test("a step of progress is not said, a new text is", async () => {
  const { world, output, store } = newAnnouncer();
  store.receive([toast(1, { progress: 10 })]);
  await world.pass(5_000);
  store.receive([toast(1, { progress: 20 })]);
  await world.pass(150);
  assert.equal(output.textContent, "");
  store.receive([toast(1, { progress: 100, message: "Done" })]);
  await world.pass(150);
  assert.equal(output.textContent, "Info: Done");
});

test("what is gone again is not said", async () => {
  const { world, output, store } = newAnnouncer();
  store.receive([toast(1)]);
  store.remove(["1"], "remote");
  await world.pass(150);
  assert.equal(output.textContent, "");
});

test("a hidden tab is silent until it is looked at", async () => {
  const { world, page, output, store } = newAnnouncer({ hidden: true });
  store.receive([toast(1)]);
  await world.pass(5_000);
  assert.equal(output.textContent, "");
  page.hidden = false;
  page.dispatchEvent(new Event("visibilitychange"));
  assert.equal(output.textContent, "Info: message 1");
});
