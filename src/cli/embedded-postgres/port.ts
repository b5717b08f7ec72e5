import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { hasErrorCode } from "./errors.ts";
import { replaceFile } from "./owned-files.ts";

export const LOOPBACK = "127.0.0.1";

/** The port of the last start when it is still free, so that clients find the database again, else any free one. */
export async function choosePort(directory: string): Promise<number> {
  const remembered = await readPort(directory);
  return remembered !== null && (await isFree(remembered)) ? remembered : anyFreePort();
}

export async function rememberPort(directory: string, port: number): Promise<void> {
  if ((await readPort(directory)) !== port) await replaceFile(portFile(directory), `${port}\n`, 0o644);
}

export async function anyFreePort(): Promise<number> {
  return (await listenOnce(0))!;
}

export async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== null;
}

function portFile(directory: string): string {
  return join(directory, "port");
}

async function readPort(directory: string): Promise<number | null> {
  try {
    const port = Number(await readFile(portFile(directory), "utf8"));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw error;
  }
}

/** The port that was free at that moment, or null when this one is taken. */
async function listenOnce(port: number): Promise<number | null> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      if (hasErrorCode(error, "EADDRINUSE", "EACCES")) resolve(null);
      else reject(error);
    });
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : null));
    });
  });
}
