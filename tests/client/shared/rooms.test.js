import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { buildSync } from "esbuild";

const CLIENT = fileURLToPath(new URL("../../../toasts/client/", import.meta.url));

/** @returns a map from each module of a bundle to those that it imports. */
function graphOf(room) {
  const { metafile } = buildSync({
    entryPoints: [`${CLIENT}${room}/index.js`],
    bundle: true,
    write: false,
    metafile: true,
    absWorkingDir: CLIENT,
  });
  const modules = Object.entries(metafile.inputs);
  return new Map(modules.map(([path, { imports }]) => [path, imports.map((one) => one.path)]));
}

/** @returns the modules of an import cycle, or none. */
function circleIn(graph, path = [], done = new Set()) {
  const next = path.length ? graph.get(path.at(-1)) : [...graph.keys()];
  for (const module of next.filter((one) => !done.has(one))) {
    if (path.includes(module)) return [...path.slice(path.indexOf(module)), module];
    const circle = circleIn(graph, [...path, module], done);
    if (circle.length) return circle;
    done.add(module);
  }
  return [];
}

test("the client has no import cycles", () => {
  for (const room of ["toasts", "inbox", "feeds"])
    assert.deepEqual(circleIn(graphOf(room)), [], room);
});

test("each bundle contains only its own folder and the shared one", () => {
  for (const room of ["toasts", "inbox", "feeds"]) {
    const rooms = new Set([...graphOf(room).keys()].map((path) => path.split("/")[0]));
    assert.deepEqual([...rooms].sort(), [room, "shared"].sort());
  }
});
