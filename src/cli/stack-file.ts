import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How other commands in the same folder find the stack that `dev` runs there. */
export interface StackFile {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
}

const NAME = "stack.json";

export function writeStackFile(dataDir: string, stack: StackFile): void {
  mkdirSync(dataDir, { recursive: true });
  // It holds a token.
  writeFileSync(join(dataDir, NAME), JSON.stringify(stack), { mode: 0o600 });
}

export function removeStackFile(dataDir: string): void {
  rmSync(join(dataDir, NAME), { force: true });
}

/** The stack that runs in this folder and answers, or null. */
export async function findLiveStack(dataDir: string): Promise<StackFile | null> {
  const file = join(dataDir, NAME);
  if (!existsSync(file)) return null;
  try {
    const stack = JSON.parse(readFileSync(file, "utf8")) as StackFile;
    process.kill(stack.pid, 0);
    const { ok } = await fetch(`${stack.url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    return ok ? stack : null;
  } catch {
    // The process is gone, or the file is not whole: a new stack will write its own.
    return null;
  }
}
