#!/usr/bin/env node
/**
 * Builds everything that runs without the source: compiled code, SQL files and the GraphiQL page, all in dist/.
 *
 *   node scripts/build.mjs              builds
 *   node scripts/build.mjs --if-stale   builds only when an input is newer than the last build
 *   node scripts/build.mjs --check      builds nothing; fails when an input is newer than the last build
 *
 * Only modules of Node are imported up here: the usual answer of --if-stale is "nothing to do", and the compiler
 * alone takes longer to load than that answer may take.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const entry = join(dist, "src", "main.js");
const page = join(dist, "web", "graphiql", "index.html");
/** Carries the time at which the last whole build began. */
const stamp = join(dist, ".built");
const inputs = [
  "src",
  "migrations",
  "web",
  "tsconfig.json",
  "tsconfig.build.json",
  "package-lock.json",
  "scripts/build.mjs",
];
const compiledFolders = ["src", "migrations"];

class BuildError extends Error {}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof BuildError ? error.message : error);
  process.exitCode = 1;
}

async function main(options) {
  const unknown = options.find((option) => !["--if-stale", "--check"].includes(option));
  if (unknown !== undefined) throw new BuildError(`Unknown option ${unknown}; take --if-stale or --check.`);
  const upToDate = isUpToDate();
  if (upToDate && options.length > 0) return;
  if (options.includes("--check")) throw new BuildError("The sources are newer than the last build.");
  if (!hasTools()) {
    if (!isWhole())
      throw new BuildError(
        "Runcast is not built and its build tools are not installed: run npm ci without --omit=dev.",
      );
    if (!upToDate)
      console.error(
        "Runcast keeps its last build: the sources are newer, but the build tools are not installed.",
      );
    return;
  }
  await build();
}

async function build() {
  const startedAt = new Date();
  // A build that is cut short must not pass for a whole one.
  rmSync(stamp, { force: true });
  const [compiled, bundled] = await Promise.all([compile(), buildPage()]);
  if (!compiled.includes(entry)) throw new BuildError("The build needs src/main.ts, which is missing.");
  makeExecutable(entry);
  removeAllBut(new Set([...compiled, ...bundled, ...copySql()]));
  writeFileSync(stamp, "");
  // Not the time of now: what was edited while the build ran must count as newer.
  utimesSync(stamp, startedAt, startedAt);
  console.log(`Built dist in ${((Date.now() - startedAt.getTime()) / 1000).toFixed(1)} s`);
}

function isWhole() {
  return existsSync(entry) && existsSync(page);
}

function isUpToDate() {
  if (!isWhole() || !existsSync(stamp)) return false;
  const builtAt = statSync(stamp).mtimeMs;
  return inputs.every((input) => newestBelow(join(root, input)) < builtAt);
}

/** Folders count too: theirs is the only time that tells of a removed file. */
function newestBelow(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  return readdirSync(path).reduce(
    (newest, name) => Math.max(newest, newestBelow(join(path, name))),
    found.mtimeMs,
  );
}

function hasTools() {
  const { resolve } = createRequire(import.meta.url);
  return ["typescript", "vite", "graphiql"].every((name) => {
    try {
      resolve(`${name}/package.json`);
      return true;
    } catch {
      return false;
    }
  });
}

/** @returns the files that the compiler wrote; on an error it writes none, so that the last build stays usable */
async function compile() {
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const project = join(root, "tsconfig.build.json");
  const { code, output } = await run([compiler, "-p", project, "--noEmitOnError", "--listEmittedFiles"]);
  const lines = output.split("\n");
  const marker = "TSFILE: ";
  if (code !== 0) {
    const faults = lines
      .filter((line) => !line.startsWith(marker))
      .join("\n")
      .trim();
    throw new BuildError(`${faults}\nThe sources do not compile; the last build was kept.`);
  }
  return lines
    .filter((line) => line.startsWith(marker))
    .map((line) => join(line.slice(marker.length).trim()));
}

function run(argv) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}

/** @returns the files of the page */
async function buildPage() {
  const { build: bundle } = await import("vite");
  const { output } = await bundle({
    configFile: join(root, "web", "graphiql", "vite.config.ts"),
    logLevel: "error",
    // Emptied first, the page would be missing for a running server, and two builds at once would collide.
    build: { emptyOutDir: false },
  });
  return output.map(({ fileName }) => join(dirname(page), fileName));
}

/** SQL is read at run time from beside the code that uses it. */
function copySql() {
  return compiledFolders.flatMap((folder) =>
    filesBelow(join(root, folder))
      .filter((file) => file.endsWith(".sql"))
      .map((file) => {
        const target = join(dist, relative(root, file));
        mkdirSync(dirname(target), { recursive: true });
        copyFileSync(file, target);
        return target;
      }),
  );
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((found) => found.isFile())
    .map((found) => join(found.parentPath ?? found.path, found.name));
}

/** What an earlier build left of sources that are gone would still be run or served. */
function removeAllBut(wanted) {
  for (const file of filesBelow(dist)) {
    if (!wanted.has(file)) rmSync(file, { force: true });
  }
}

function makeExecutable(file) {
  const head = readFileSync(file, "utf8").slice(0, 2);
  if (head !== "#!") throw new BuildError("src/main.ts must begin with #!/usr/bin/env node.");
  chmodSync(file, 0o755);
}
