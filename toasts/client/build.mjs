/**
 * Bundles the client: `npm run build` into static/toasts, which is committed; `npm run check-stale`
 * (--check) fails when what is committed is not what the sources make.
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const COMMITTED = join(HERE, "..", "static", "toasts");
const OUTPUTS = ["toasts.js", "toasts.css"];
const LIMIT = 11.5 * 1024; // bytes of both, minified and gzipped
/** The half below the screen; all other modules are on it. */
const BELOW = /(ack|backoff|boot|config|connection|csrf|browser|index|memory|poll|presence|store|tabs|urls|wire|world)\.js$/;

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
  const banner = `/*! django-live-toasts ${version} | MIT */`;
  const { metafile } = await build({
    ...common,
    entryPoints: [join(HERE, "index.js")],
    outfile: join(folder, "toasts.js"),
    format: "iife",
    banner: { js: banner },
    define: { __VERSION__: JSON.stringify(version) },
  });
  await build({
    ...common,
    entryPoints: [join(HERE, "toasts.css")],
    outfile: join(folder, "toasts.css"),
  });
  return Object.values(metafile.outputs)[0].inputs;
}

async function report(folder, inputs) {
  let total = 0;
  for (const name of OUTPUTS) {
    const bytes = await readFile(join(folder, name));
    const zipped = gzipSync(bytes, { level: 9 }).length;
    total += zipped;
    console.log(`${name}: ${bytes.length} bytes, ${zipped} gzipped`);
    if (name === "toasts.js") shares(inputs, zipped);
  }
  console.log(`together: ${total} of ${LIMIT} bytes gzipped`);
  if (total > LIMIT) throw new Error(`The client is ${total - LIMIT} bytes too large.`);
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

async function check() {
  const folder = await mkdtemp(join(tmpdir(), "toasts-"));
  try {
    await bundle(folder);
    for (const name of OUTPUTS) {
      const [fresh, committed] = await Promise.all([folder, COMMITTED].map((from) => readFile(join(from, name))));
      if (!fresh.equals(committed)) throw new Error(`${name} is stale: run \`npm run build\` and commit it.`);
    }
    console.log("The committed bundle is what the sources make.");
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (process.argv.includes("--check")) await check();
else {
  await report(COMMITTED, await bundle(COMMITTED));
}
