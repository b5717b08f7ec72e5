import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const BUILD = fileURLToPath(new URL("scripts/build.mjs", ROOT));
/** By its path: the process may run anywhere. */
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

let built: boolean | undefined;

/**
 * What node is to run for a program of the product: as it is shipped, or where the sources were changed since the
 * last build, these, which takes a start twice as long.
 * @param name such as `main` or `runner/main`
 */
export function programOf(name: string): string[] {
  built ??= spawnSync(process.execPath, [BUILD, "--check"]).status === 0;
  const file = (path: string): string => fileURLToPath(new URL(path, ROOT));
  return built ? [file(`dist/src/${name}.js`)] : ["--import", LOADER, file(`src/${name}.ts`)];
}
