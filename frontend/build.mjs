// Builds the committed bundle, or the tests with `--tests`. The output holds no paths and no dates,
// so that the same sources and the same lock give the same bytes.
import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));

const common = {
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "inline",
  logLevel: "warning",
};

if (process.argv.includes("--tests")) {
  await rm(path.join(here, "build"), { recursive: true, force: true });
  const names = (await readdir(path.join(here, "tests"))).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    entryPoints: names.map((name) => `tests/${name}`),
    outdir: "build/tests",
    outExtension: { ".js": ".mjs" },
    platform: "node",
    sourcemap: "inline",
  });
} else {
  await build({
    ...common,
    entryPoints: { console: "src/console.ts" },
    outdir: "../config/static/console",
    minifySyntax: true,
    minifyWhitespace: true,
    define: { "process.env.NODE_ENV": '"production"' },
    conditions: ["production"],
  });
}
