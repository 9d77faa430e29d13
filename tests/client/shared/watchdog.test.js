import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld } from "../fakes.js";

/** Check at every step for `seconds`, and return whether the stream counted as dead. */
async function watch({ world, watchdog }, seconds) {
  let isDead = false;
  for (const end = world.now() + seconds * 1_000; world.now() < end && !isDead;) {
    await world.pass(watchdog.step);
    isDead = watchdog.isSilent();
  }
  return isDead;
}

function newWatchdog(heartbeat) {
  const world = newWorld();
  const { Watchdog } = fresh("shared/watchdog", { dataset: { heartbeat } });
  return { world, watchdog: new Watchdog() };
}

test("the first event may take ten seconds, whatever the heartbeat", async () => {
  for (const heartbeat of ["2", "15", "55"]) {
    assert.equal(await watch(newWatchdog(heartbeat), 7), false, heartbeat);
    assert.equal(await watch(newWatchdog(heartbeat), 15), true, heartbeat);
  }
});

test("after that silence lasts two and a half heartbeats", async () => {
  for (const heartbeat of [2, 15, 55]) {
    const fed = newWatchdog(`${heartbeat}`);
    fed.watchdog.feed();
    assert.equal(await watch(fed, 2 * heartbeat), false, `${heartbeat}`);
    assert.equal(await watch(fed, heartbeat), true, `${heartbeat}`);
  }
});

test("sleep does not count as silence, and after it there is a moment to read events", async () => {
  const { world, watchdog } = newWatchdog("15");
  watchdog.feed();
  world.sleep(3_600_000);
  assert.equal(watchdog.isSilent(), false);
  watchdog.wake();
  assert.equal(watchdog.isSilent(), false);
  await world.pass(watchdog.step);
  assert.equal(watchdog.isSilent(), true);
});
