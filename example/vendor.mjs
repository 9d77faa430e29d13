/**
 * Copies the third-party scripts of the demo pages into static/site/vendor, which is committed.
 * Part of `npm run build`. `npm run check-stale` (--check) fails if a copy is stale.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);
const VENDOR = new URL("static/site/vendor/", ROOT);
const FILES = {
  "htmx.min.js": ["htmx.org", "dist/htmx.min.js"],
  "htmx-ext-sse.min.js": ["htmx-ext-sse", "dist/sse.min.js"],
};

/** Returns the name and content of each file, and of one with all licences. */
async function copies() {
  const made = { "LICENSE.txt": "" };
  for (const [name, [from, path]] of Object.entries(FILES)) {
    const read = (file) => readFile(new URL(`node_modules/${from}/${file}`, ROOT), "utf8");
    const { version } = JSON.parse(await read("package.json"));
    made[name] =
      `/*! ${from} ${version} | 0BSD, see LICENSE.txt */\n${(await read(path)).trim()}\n`;
    made["LICENSE.txt"] += `${name}: ${from} ${version}\n\n${(await read("LICENSE")).trim()}\n\n`;
  }
  return Object.entries(made);
}

async function check() {
  for (const [name, fresh] of await copies()) {
    const committed = await readFile(new URL(name, VENDOR), "utf8");
    if (committed !== fresh) {
      throw new Error(`${fileURLToPath(new URL(name, VENDOR))} is stale: run \`npm run build\`.`);
    }
  }
  console.log("The committed third-party files are up to date.");
}

async function write() {
  await mkdir(VENDOR, { recursive: true });
  for (const [name, text] of await copies()) await writeFile(new URL(name, VENDOR), text);
}

await (process.argv.includes("--check") ? check() : write());
