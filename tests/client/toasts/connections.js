/** A connection, and what it has reported. */

import assert from "node:assert/strict";

import { fresh, newWorld } from "../fakes.js";

/** The id of a sync. */
export const SNAPSHOT = "alice.1";
const PAGE = { dataset: { streamUrl: "/stream/", pollUrl: "/poll/" } };

/** @returns {any} */
export function noNetwork() {
  throw new TypeError("network");
}

/** What a page has received from its connection. */
class Reports {
  states = [];
  updates = [];
  toasts = new Map();
  owner = undefined;

  handlers = {
    onState: (state) => this.states.push(state),
    onOwner: (owner) => {
      if (owner !== this.owner) this.toasts.clear();
      this.owner = owner;
    },
    onUpdate: (update) => this.#apply(update),
  };

  #apply(update) {
    const { toasts = [], activeIds, goneIds = [] } = update;
    this.updates.push(update);
    for (const toast of toasts) this.toasts.set(`${toast.id}`, toast);
    for (const id of goneIds) this.toasts.delete(`${id}`);
    if (!activeIds) return;
    for (const id of this.toasts.keys()) if (!activeIds.includes(id)) this.toasts.delete(id);
  }

  /** The kinds of updates that were not empty. */
  get kinds() {
    return this.updates.flatMap(({ toasts, activeIds, goneIds }) => {
      if (activeIds) return ["all"];
      if (goneIds) return ["gone"];
      return toasts ? ["toasts"] : [];
    });
  }
}

/**
 * @param {(url: string, options: any) => any} [respond] answers a request
 * @param {() => void} [prepare] called before it starts
 */
export function newConnection(respond, prepare = () => {}) {
  const world = newWorld({ respond });
  prepare();
  const reports = new Reports();
  const state = () => reports.states.at(-1) ?? "connecting";
  const connection = { ...fresh("toasts/connection", PAGE), state };
  connection.start(reports.handlers);
  return {
    world,
    connection,
    reports,
    states: reports.states,
    toasts: () => reports.toasts,
    ids: () => [...reports.toasts.keys()],
    owner: () => reports.owner,
    stream: () => world.streams.at(-1),
    opened: () => world.streams.length,
  };
}

/**
 * A connection that has been open for twenty seconds.
 *
 * @param {(url: string, options: any) => any} [respond] answers a request
 */
export async function connected(respond) {
  const whole = newConnection(respond);
  whole.stream().send("sync", { ids: [] }, SNAPSHOT);
  await whole.world.pass(20_000);
  whole.stream().send("ping");
  assert.equal(whole.connection.state(), "connected");
  return whole;
}
