/**
 * Bundles the client: `npm run build` into static/toasts, which is committed; `npm run check-stale`
 * (--check) fails when what is committed is not what the sources make.
 */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";
import { minify } from "terser";
import uglify from "uglify-js";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const COMMITTED = join(HERE, "..", "static", "toasts");
/** The files, and how many bytes they may have together, minified and gzipped. */
const CLIENT = { outputs: { "toasts.js": "toasts/index.js", "toasts.css": "toasts/toasts.css" }, limit: 8 * 1024 };
const INBOX = { outputs: { "inbox.js": "inbox/index.js", "inbox.css": "inbox/inbox.css" }, limit: 2.5 * 1024 };
const FEEDS = { outputs: { "feeds.js": "feeds/index.js" }, limit: 2.75 * 1024 };
/** The half below the screen; all other modules are on it. */
const BELOW = /(ack|browser|config|connection|csrf|index|memory|poll|presence|store|tabs|wire)\.js$/;

async function bundle(folder) {
  const { version } = JSON.parse(await readFile(join(HERE, "..", "..", "package.json"), "utf8"));
  const common = {
    bundle: true,
    minify: true,
    charset: "utf8",
    target: ["chrome123", "firefox124", "safari17.5"],
    mangleProps: /^_[a-z]/, // names that stay within the bundle
    metafile: true,
  };
  const script = { format: "iife", define: { __VERSION__: JSON.stringify(version) } };
  const inputs = {}; // file -> the modules in it
  for (const [name, source] of Object.entries({ ...CLIENT.outputs, ...INBOX.outputs, ...FEEDS.outputs })) {
    const { metafile } = await build({
      ...common,
      ...(name.endsWith(".js") && script),
      entryPoints: [join(HERE, source)],
      outfile: join(folder, name),
    });
    if (name.endsWith(".js")) await squeeze(join(folder, name));
    inputs[name] = Object.values(metafile.outputs)[0].inputs;
  }
  return inputs;
}

/** Once more, by two minifiers that inline across functions: a tenth less. */
async function squeeze(path) {
  const inlined = await minify(await readFile(path, "utf8"), {
    ecma: 2022,
    compress: { passes: 4, unsafe: true, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, keep_fargs: false },
  });
  // What is hoisted looks the more alike; `comparisons` would turn some of them around.
  const { code, error } = uglify.minify(inlined.code, {
    compress: { passes: 8, pure_getters: true, keep_fargs: false, hoist_funs: true, hoist_vars: true, comparisons: false },
  });
  if (error) throw error;
  await writeFile(path, code);
}

async function report(folder, inputs, { outputs, limit }) {
  let total = 0;
  for (const name of Object.keys(outputs)) {
    const bytes = await readFile(join(folder, name));
    const zipped = gzipSync(bytes, { level: 9 }).length;
    total += zipped;
    console.log(`${name}: ${bytes.length} bytes, ${zipped} gzipped`);
    if (name === "toasts.js") shares(inputs[name], zipped);
  }
  console.log(`together: ${total} of ${limit} bytes gzipped`);
  if (total > limit) throw new Error(`They are ${total - limit} bytes too large.`);
}

/** Which module takes how much of the script: by its minified bytes, as if all were packed alike. */
function shares(inputs, zipped) {
  const sizes = Object.entries(inputs).map(([path, { bytesInOutput }]) => [path.split("/").pop(), bytesInOutput]);
  const sum = (list) => list.reduce((total, [, size]) => total + size, 0);
  const part = (size) => Math.round((size / sum(sizes)) * zipped);
  for (const [title, list] of [
    ["below the screen", sizes.filter(([name]) => BELOW.test(name))],
    ["on the screen", sizes.filter(([name]) => !BELOW.test(name))],
  ]) {
    const each = list.sort((one, other) => other[1] - one[1]).map(([name, size]) => `${name} ${part(size)}`);
    console.log(`  ${title}: ${part(sum(list))} (${each.join(", ")})`);
  }
}

async function reports(folder, inputs) {
  for (const part of [CLIENT, INBOX, FEEDS]) await report(folder, inputs, part);
}

async function check() {
  const folder = await mkdtemp(join(tmpdir(), "toasts-"));
  try {
    const inputs = await bundle(folder);
    for (const name of Object.keys(inputs)) {
      const [fresh, committed] = await Promise.all([folder, COMMITTED].map((from) => readFile(join(from, name))));
      if (!fresh.equals(committed)) throw new Error(`${name} is stale: run \`npm run build\` and commit it.`);
    }
    console.log("The committed bundle is what the sources make.");
    await reports(folder, inputs);
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (process.argv.includes("--check")) await check();
else await reports(COMMITTED, await bundle(COMMITTED));
