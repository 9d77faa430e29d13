import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, toast, wire } from "../fakes.js";

const circle = {};
Object.assign(circle, { circle });
const textless = Object.create(null);
/** What a page's own script may pass by mistake; the last ones cannot even be turned into a text. */
const ODD = [
  ...[undefined, null, true, false, 0, -1, 0 / 0, 1 / 0, -1 / 0, 10n, "", "50%", "toString"],
  ...["constructor", "__proto__", [], {}, [null], { a: 1 }, () => {}, new Date(NaN)],
  ...[circle, Symbol("odd"), textless, { toString: 1, valueOf: 1 }],
];
const LEVELS = ["info", "success", "warning", "error"];

/** Whether the stack can show it: what each use of a field needs. */
function assertUsable(read) {
  for (const name of ["id", "message", "title", "key", "url", "created_at"]) {
    assert.equal(typeof read[name], "string", name);
  }
  assert.ok(LEVELS.includes(read.level), read.level);
  assert.ok([null, true].includes(read.progress) || inRange(read.progress, 100), "progress");
  assert.ok(read.duration === null || read.duration >= 0, "duration");
  assert.ok(Date.parse(read.created_at), "created_at");
  for (const { name, label, url } of read.actions) {
    assert.deepEqual([typeof name, typeof label, typeof url], ["string", "string", "string"]);
  }
  assert.ok(Number.isInteger(read.fingerprint), "fingerprint");
}

const inRange = (value, most) => Number.isFinite(value) && value >= 0 && value <= most;

test("a toast can be shown whatever the value of a field is", () => {
  for (const name of Object.keys(wire(1))) {
    for (const value of ODD) assertUsable(toast(1, { [name]: value }));
  }
  for (const name of ["name", "label", "url"]) {
    for (const value of ODD) assertUsable(toast(1, { actions: [{ [name]: value }] }));
  }
  for (const value of ODD) assertUsable(toast(1, { actions: [value], fingerprint: value }));
});

test("an invalid number is left out, and one that is too large is bounded", () => {
  const { lifetime } = fresh("toasts/timers");
  for (const [given, expected] of [
    [0 / 0, null],
    ["50%", null],
    ["50", null],
    [-1, null],
    [false, null],
    [1 / 0, 100],
    [101, 100],
    [0, 0],
    [12.5, 12.5],
    [true, true],
  ]) {
    assert.equal(toast(1, { progress: given }).progress, expected, String(given));
  }
  for (const given of [0 / 0, "5", -1, true]) {
    assert.equal(toast(1, { duration: given }).duration, null, String(given));
  }
  assert.equal(lifetime(toast(1, { duration: 0 })), 0);
  assert.equal(lifetime(toast(1, { duration: 2.5 })), 2_500);
  assert.equal(lifetime(toast(1, { duration: 1 / 0 })), 1 / 0); // an animation may be as long
});

test("values that are not toasts are left out, and the others are read", () => {
  const { readToasts } = fresh("toasts/wire");
  const found = readToasts([null, 5, "x", {}, [], wire(1), { id: null }, wire(2)]);
  assert.deepEqual(
    found.map(({ id }) => id),
    ["1", "2"],
  );
});
