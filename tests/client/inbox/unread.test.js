import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, json, newWorld, status } from "../fakes.js";

test("tabs share the number over a channel of their site, and nothing is stored", async () => {
  const world = newWorld({ respond: () => json({ count: 3 }) });
  const channels = [];
  class Channel {
    sent = [];

    constructor(name) {
      this.name = name;
      channels.push(this);
    }

    postMessage(message) {
      this.sent.push(message);
    }
  }
  Object.assign(globalThis, { BroadcastChannel: Channel, addEventListener() {} });
  const stored = {};
  const dataset = { apiUrl: "/clients/red/api/" };
  const client = fresh("inbox/unread", { dataset, stored });
  const counts = [];
  client.listeners.add((count) => counts.push(count));
  client.followPage();
  const [channel] = channels;
  assert.equal(channel.name, "toasts:unread:/clients/red/api/");

  const answers = [json({ count: 3 }), json({ other: 1 }), status(404), status(401)];
  for (const answer of answers) {
    world.respond = () => answer;
    client.noteChange();
    await world.pass(300);
  }
  channel.onmessage({ data: 5 });
  assert.deepEqual(channel.sent, [3, undefined]);
  assert.deepEqual(counts, [3, undefined, 5]);
  assert.deepEqual(stored, {});
});
