/**
 * Bundles the client: `npm run build` into static/toasts, which is committed; `npm run check-stale`
 * (--check) fails when what is committed is not what the sources make. Both fail when a part is too large.
 */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const COMMITTED = join(HERE, "..", "static", "toasts");
const KILOBYTE = 1024;

/** Each part's files, and how many bytes they may have together, minified and gzipped (level 9). */
const PARTS = [
  {
    name: "toasts",
    files: { "toasts.js": "toasts/index.js", "toasts.css": "toasts/index.css" },
    limit: 11 * KILOBYTE,
  },
  {
    name: "inbox",
    files: { "inbox.js": "inbox/index.js", "inbox.css": "inbox/inbox.css" },
    limit: 5 * KILOBYTE,
  },
  { name: "feeds", files: { "feeds.js": "feeds/index.js" }, limit: 3.5 * KILOBYTE },
];
const FILES = Object.entries(Object.assign({}, ...PARTS.map(({ files }) => files)));

const OPTIONS = {
  bundle: true,
  minify: true,
  target: ["chrome123", "firefox124", "safari17.5"],
  metafile: true,
  write: false,
};

/** @returns the contents by file name, and which module takes how many of their bytes */
async function bundle() {
  const manifest = JSON.parse(await readFile(join(HERE, "..", "..", "package.json"), "utf8"));
  const scriptOptions = {
    format: "iife",
    define: { __VERSION__: JSON.stringify(manifest.version) },
  };
  const bundles = new Map();
  for (const [name, source] of FILES) {
    const { outputFiles, metafile } = await build({
      ...OPTIONS,
      ...(name.endsWith(".js") ? scriptOptions : {}),
      entryPoints: [join(HERE, source)],
      outfile: name,
    });
    const [{ inputs }] = Object.values(metafile.outputs);
    bundles.set(name, { contents: Buffer.from(outputFiles[0].contents), inputs });
  }
  return bundles;
}

function report(bundles) {
  for (const { name, files, limit } of PARTS) {
    const sizes = Object.keys(files).map((file) => reportFile(file, bundles.get(file)));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    console.log(`${name}: ${total} of ${limit} bytes gzipped`);
    if (total > limit) throw new Error(`${name}: ${total - limit} bytes too large.`);
  }
}

function reportFile(name, { contents, inputs }) {
  const zipped = gzipSync(contents, { level: 9 }).length;
  console.log(`  ${name}: ${contents.length} bytes, ${zipped} gzipped`);
  if (process.argv.includes("--modules")) reportModules(inputs);
  return zipped;
}

/** Which module takes how much of a script, the largest first. */
function reportModules(inputs) {
  const modules = Object.entries(inputs).map(([path, { bytesInOutput }]) => [path, bytesInOutput]);
  modules.sort((one, other) => other[1] - one[1]);
  for (const [path, bytes] of modules) console.log(`    ${path}: ${bytes}`);
}

async function check(bundles) {
  for (const [name, { contents }] of bundles) {
    const committed = await readFile(join(COMMITTED, name));
    if (!contents.equals(committed)) {
      throw new Error(`${name} is stale: run \`npm run build\` and commit it.`);
    }
  }
  console.log("The committed bundles are what the sources make.");
}

async function write(bundles) {
  for (const [name, { contents }] of bundles) await writeFile(join(COMMITTED, name), contents);
}

const bundles = await bundle();
if (process.argv.includes("--check")) await check(bundles);
else await write(bundles);
report(bundles);
