import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld, toast } from "../fakes.js";

function newAnnouncer({ watched = true, hinted = true } = {}) {
  const world = newWorld();
  const client = fresh(
    "toasts/announcer toasts/store toasts/presence toasts/memory toasts/region",
    { stored: hinted ? { "toasts:/toasts/stream/:test:hinted": "1" } : {} },
  );
  client.openStorage();
  client.listeners.add(client.announce);
  client.onPresenceChange(() => client.announce());
  if (!watched) client.mute();
  return { world, output: client.liveRegion, store: client };
}

test("level, title and message are announced a moment later, and then removed", async () => {
  const { world, output, store } = newAnnouncer();
  store.put([toast(1, { level: "error", title: "Export failed", message: "Disk full" })]);
  assert.equal(output.textContent, "");
  await world.pass(150);
  assert.equal(output.textContent, "Error: Export failed. Disk full");
  await world.pass(1_000);
  assert.equal(output.textContent, "");
});

test("the keyboard shortcut is announced once", async () => {
  const { world, output, store } = newAnnouncer({ hinted: false });
  store.put([toast(1)]);
  await world.pass(150);
  assert.match(output.textContent, /F6/);
  store.put([toast(2)]);
  await world.pass(1_000);
  assert.equal(output.textContent, "Info: message 2");
});

test("several toasts of the first snapshot are announced as one summary", async () => {
  const { world, output, store } = newAnnouncer();
  store.put([toast(1), toast(2)], ["1", "2"]);
  await world.pass(150);
  assert.equal(output.textContent, "2 new notifications");
});

test("a burst of toasts is announced as a number", async () => {
  const { world, output, store } = newAnnouncer();
  for (let id = 0; id < 4; id++) store.put([toast(id)]);
  await world.pass(150);
  assert.equal(output.textContent, "4 new notifications");
});

test("a step of progress is not announced, a new text is", async () => {
  const { world, output, store } = newAnnouncer();
  store.put([toast(1, { progress: 10 })]);
  await world.pass(5_000);
  store.put([toast(1, { progress: 20 })]);
  await world.pass(150);
  assert.equal(output.textContent, "");
  store.put([toast(1, { progress: 100, message: "Done" })]);
  await world.pass(150);
  assert.equal(output.textContent, "Info: Done");
});

test("a toast that is already gone is not announced", async () => {
  const { world, output, store } = newAnnouncer();
  store.put([toast(1)]);
  store.remove(["1"], "remote");
  await world.pass(150);
  assert.equal(output.textContent, "");
});

test("twenty toasts in a second cause three announcements at most", async () => {
  const { world, output, store } = newAnnouncer();
  const announced = [];
  let last = "";
  for (let id = 0; id < 20; id++) {
    store.put([toast(id)]);
    await world.pass(50);
    if (output.textContent && output.textContent !== last) announced.push(output.textContent);
    last = output.textContent;
  }
  await world.pass(1_000);
  announced.push(output.textContent);
  assert.ok(announced.length <= 3, announced.join(" | "));
  assert.match(announced.at(-1), /^\d+ new notifications$/);
});

test("a hidden tab makes no announcements until it is visible", async () => {
  const { world, output, store } = newAnnouncer({ watched: false });
  store.put([toast(1)]);
  await world.pass(5_000);
  assert.equal(output.textContent, "");
  store.mute(false);
  await world.pass(150);
  assert.equal(output.textContent, "Info: message 1");
});
