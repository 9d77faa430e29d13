/** A feed, and what it has reported. */

import { fresh, newWorld, status } from "../fakes.js";

/**
 * @param {object} [options] of the feed
 * @param {(url: string, options: any) => any} [respond] answers a request
 * @param {import("../fakes.js").Page} [page]
 */
export async function opened(options = {}, respond = () => status(500), page = {}) {
  const world = newWorld({ respond });
  const { Feed } = fresh("feeds/feed", { cookie: "csrftoken=csrf", ...page });
  const calls = [];
  const feed = new Feed("/feeds/orders/", {
    origin: "me",
    onChange: (key, row, action) => calls.push([action, key, row]),
    onRemove: (key, row) => calls.push(["DELETE", key, row]),
    onState: (state) => calls.push(state),
    ...options,
  });
  await world.pass(0);
  const { streams, sockets } = world;
  return {
    world,
    feed,
    calls,
    sockets,
    stream: () => streams.at(-1),
    socket: () => sockets.at(-1),
  };
}

export const order = (key, action, row) => ({ key, action, row });
