import assert from "node:assert/strict";
import { test } from "node:test";

import { createTimers, lifetime } from "../../toasts/client/timers.js";
import { newWorld, toast } from "./fakes.js";

function newTimers() {
  const world = newWorld();
  const ended = [];
  return { world, ended, timers: createTimers({ world, onEnd: (id) => ended.push(id) }) };
}

test("a short text stays six seconds at least", () => {
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
  assert.equal(lifetime(toast(1, { duration: 0 })), Infinity);
});

test("errors, toasts with actions and work under way stay, unless told how long", () => {
  const actions = [{ name: "undo", label: "Undo", url: "" }];
  for (const stays of [{ level: "error" }, { actions }, { progress: 0 }, { progress: 99 }]) {
    assert.equal(lifetime(toast(1, stays)), Infinity);
    assert.equal(lifetime(toast(1, { ...stays, duration: 1 })), 1_000);
    assert.equal(lifetime(toast(1, { ...stays, duration: 0 })), Infinity);
  }
  assert.notEqual(lifetime(toast(1, { progress: 100 })), Infinity);
});

test("a pause keeps the time that is left", async () => {
  const { world, ended, timers } = newTimers();
  timers.restart("1", 6_000);
  await world.pass(4_000);
  timers.pause("pointer", true);
  await world.pass(60_000);
  timers.pause("pointer", false);
  await world.pass(1_999);
  assert.deepEqual(ended, []);
  await world.pass(1);
  assert.deepEqual(ended, ["1"]);
});

test("time stands still until the last reason for it is gone", async () => {
  const { world, ended, timers } = newTimers();
  timers.pause("focus", true);
  timers.restart("1", 1_000);
  timers.pause("away", true);
  timers.pause("focus", false);
  await world.pass(5_000);
  assert.deepEqual(ended, []);
  timers.pause("away", false);
  await world.pass(1_000);
  assert.deepEqual(ended, ["1"]);
});

test("a restart gives the whole time again, a stop ends it", async () => {
  const { world, ended, timers } = newTimers();
  timers.restart("1", 1_000);
  timers.restart("2", 1_000);
  await world.pass(900);
  timers.restart("1", 1_000);
  timers.stop("2");
  await world.pass(900);
  assert.deepEqual(ended, []);
  await world.pass(100);
  assert.deepEqual(ended, ["1"]);
});

test("what stays sets no timer", () => {
  const { world, timers } = newTimers();
  timers.restart("1", Infinity);
  assert.equal(world.timers, 0);
});

test("a time longer than any timer of the browser is waited for in steps", async () => {
  const { world, ended, timers } = newTimers();
  const delays = [];
  const set = world.set;
  world.set = (callback, delay) => delays.push(delay) && set(callback, delay);
  timers.restart("1", 3_000_000_000);
  await world.pass(3_000);
  assert.deepEqual(ended, []);
  assert.ok(delays.every((delay) => delay <= 1_000));
});

test("a machine that slept showed nobody anything meanwhile", async () => {
  const { world, ended, timers } = newTimers();
  timers.restart("1", 6_000);
  await world.pass(2_000);
  world.sleep(3_600_000);
  timers.pause("pointer", true);
  timers.pause("pointer", false);
  await world.pass(2_999);
  assert.deepEqual(ended, []);
  await world.pass(1_001);
  assert.deepEqual(ended, ["1"]);
});

test("a clock that is set back prolongs nothing beyond its step", async () => {
  const { world, ended, timers } = newTimers();
  timers.restart("1", 2_000);
  const now = world.now;
  world.now = () => now() - 3_600_000;
  await world.pass(3_000);
  assert.deepEqual(ended, ["1"]);
});

test("toasts that end together are all told, and may be followed by others at once", async () => {
  const world = newWorld();
  const ended = [];
  const timers = createTimers({ world, onEnd(id) {
    ended.push(id);
    if (id === "1") timers.restart("3", 500);
  } });
  timers.restart("1", 1_000);
  timers.restart("2", 1_000);
  await world.pass(1_500);
  assert.deepEqual(ended, ["1", "2", "3"]);
  assert.equal(world.timers, 0);
});
