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
const LIMIT = 10 * 1024; // bytes of both, minified and gzipped

async function bundle(folder) {
  const { version } = JSON.parse(await readFile(join(HERE, "..", "..", "package.json"), "utf8"));
  const common = { bundle: true, minify: true, charset: "utf8", target: ["chrome123", "firefox124", "safari17.5"] };
  const banner = `/*! django-live-toasts ${version} | MIT */`;
  await build({
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
}

async function report(folder) {
  let total = 0;
  for (const name of OUTPUTS) {
    const bytes = await readFile(join(folder, name));
    const zipped = gzipSync(bytes, { level: 9 }).length;
    total += zipped;
    console.log(`${name}: ${bytes.length} bytes, ${zipped} gzipped`);
  }
  console.log(`together: ${total} of ${LIMIT} bytes gzipped`);
  if (total > LIMIT) throw new Error(`The client is ${total - LIMIT} bytes too large.`);
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
  await bundle(COMMITTED);
  await report(COMMITTED);
}
