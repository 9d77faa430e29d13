import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, json, newWorld, status } from "../fakes.js";

test("the number is kept under the address of its site, and goes with the session", async () => {
  const stored = { "toasts:unread:/clients/blue/api/": "7" };
  const others = { ...stored };
  const world = newWorld({ respond: () => json({ count: 3 }) });
  const dataset = { apiUrl: "/clients/red/api/" };
  const { noteChange, listeners } = fresh("inbox/unread", { dataset, stored });
  const counts = [];
  listeners.add((count) => counts.push(count));

  noteChange();
  await world.pass(300);
  assert.deepEqual(stored, { ...others, "toasts:unread:/clients/red/api/": 3 });

  world.respond = () => status(401);
  noteChange();
  await world.pass(300);
  assert.deepEqual(stored, others);
  assert.deepEqual(counts, [3, undefined]);
});
