import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, newWorld } from "../fakes.js";

/** Check at every step for `seconds`, and return whether the stream counted as dead. */
async function watch({ world, watchdog, step }, seconds) {
  let isDead = false;
  for (const end = world.now() + seconds * 1_000; world.now() < end && !isDead;) {
    await world.pass(step);
    isDead = watchdog.isSilent();
  }
  return isDead;
}

function newWatchdog(heartbeat) {
  const world = newWorld();
  const { STEP, Watchdog } = fresh("shared/watchdog", { dataset: { heartbeat } });
  return { world, watchdog: new Watchdog(), step: STEP };
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
  const { world, watchdog, step } = newWatchdog("15");
  watchdog.feed();
  world.sleep(3_600_000);
  assert.equal(watchdog.isSilent(), false);
  watchdog.wake();
  assert.equal(watchdog.isSilent(), false);
  await world.pass(step);
  assert.equal(watchdog.isSilent(), true);
});

test("if the user returns while a ping is overdue, the stream counts as dead a moment later", async () => {
  for (const heartbeat of [2, 15, 55]) {
    for (const silence of [1, 1.1, 1.3, 2]) {
      const { world, watchdog, step } = newWatchdog(`${heartbeat}`);
      watchdog.feed();
      await world.pass(silence * heartbeat * 1_000);
      watchdog.isSilent();
      watchdog.wake();
      assert.equal(watchdog.isSilent(), false, `${heartbeat} ${silence}`);
      await world.pass(step / 2);
      assert.equal(watchdog.isSilent(), silence > 1.2, `${heartbeat} ${silence}`);
    }
  }
});
