import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, toast, wire } from "../fakes.js";

const { readToast, safeUrl, SENT } = fresh("toasts/wire shared/links");

test("http, https, mailto and relative links are followed", () => {
  assert.equal(safeUrl("http://a.example/"), "http://a.example/");
  assert.equal(safeUrl("https://a.example/x?y#z"), "https://a.example/x?y#z");
  assert.equal(safeUrl("mailto:a@b.example"), "mailto:a@b.example");
  assert.equal(safeUrl("/orders/1"), "https://site.example/orders/1");
  assert.equal(safeUrl("?page=2"), "https://site.example/orders/?page=2");
});

test("a link that could run a script is dropped", () => {
  const bad = [
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "\u0001javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "blob:https://a/x",
    "file:///etc/passwd",
    "https://",
    "http://[",
    "",
    null,
    undefined,
  ];
  for (const href of bad) assert.equal(safeUrl(href), "", String(href));
});

test("an unknown level is info, and odd values are left out", () => {
  const read = toast(1, {
    level: "<b>",
    progress: undefined,
    duration: undefined,
    title: null,
    message: 5,
    actions: "x",
    url: "javascript:1",
  });
  const { level, progress, duration, title, message, actions, url } = read;
  assert.deepEqual(
    { level, progress, duration, title, message, actions, url },
    {
      level: "info",
      progress: null,
      duration: null,
      title: "",
      message: "5",
      actions: [],
      url: "",
    },
  );
});

test("an action whose link fails the check is left out, one without a link is a button", () => {
  const actions = [
    { name: "bad", label: "Bad", url: "javascript:1" },
    { name: "ok", label: "", url: "" },
    { name: "go", label: "Go", url: "/x" },
    null,
    5,
  ];
  assert.deepEqual(
    toast(1, { actions }).actions.filter(({ name }) => name),
    [
      { name: "ok", label: "ok", url: "" },
      { name: "go", label: "Go", url: "https://site.example/x" },
    ],
  );
});

test("the fingerprint depends on what the user sees, and is the same in another tab", () => {
  const { fingerprint } = toast(1);
  assert.equal(
    toast(1, { created_at: "2027-01-01T00:00:00Z", expires_at: "2028-01-01T00:00:00Z" })
      .fingerprint,
    fingerprint,
  );
  const changes = [
    { message: "x" },
    { title: "x" },
    { level: "error" },
    { url: "/x" },
    { progress: 0 },
    { duration: 0 },
    { actions: [{ name: "a", label: "A", url: "" }] },
    { data: { a: 1 } },
  ];
  const seen = new Set([fingerprint, ...changes.map((change) => toast(1, change).fingerprint)]);
  assert.equal(seen.size, changes.length + 1);
  const link = readToast(wire(1, { url: "?page=2" }));
  assert.equal(readToast(link[SENT]).fingerprint, link.fingerprint); // as another tab sends it
});
