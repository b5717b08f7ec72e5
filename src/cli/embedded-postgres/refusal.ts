import { readFile } from "node:fs/promises";
import { EmbeddedPostgresError } from "./errors.ts";

const DAMAGE =
  /control file|pg_control|checkpoint|incompatible|checksum|configuration file|corrupt|could not (?:open|read|access|find) (?:required )?(?:file|directory)/i;

/** Why a server that ended before it was ready refused to start, from the log of that start. */
export async function refusalIn(
  logFile: string,
  dataDirectory: string,
  port: number,
): Promise<EmbeddedPostgresError> {
  const lines = (await readFile(logFile, "utf8").catch(() => "")).split("\n");
  const problems = lines.filter((line) => /\b(?:LOG|FATAL|PANIC): /.test(line)).map(withoutPrefix);
  const fatal = lines.findLast((line) => /\b(?:FATAL|PANIC): /.test(line));
  const reason = fatal === undefined ? "it did not become ready" : withoutPrefix(fatal);
  const see = `See ${logFile}.`;

  if (problems.some((line) => line.includes("Address already in use"))) return portInUse(port);
  if (/lock file .* already exists|pre-existing shared memory/.test(reason)) {
    return new EmbeddedPostgresError(
      "ALREADY_RUNNING",
      `Another PostgreSQL server still holds ${dataDirectory}: ${reason}. ${see}`,
    );
  }
  if (/Permission denied|wrong ownership|invalid permissions/.test(reason)) {
    return new EmbeddedPostgresError(
      "PERMISSION",
      `PostgreSQL may not use ${dataDirectory}: ${reason}. ${see}`,
    );
  }
  if (DAMAGE.test(reason)) {
    return new EmbeddedPostgresError(
      "DATA_DIRECTORY_BROKEN",
      `${dataDirectory} is damaged: ${reason}. Nothing was deleted: restore a backup, or move it away to start with an empty database. ${see}`,
    );
  }
  return new EmbeddedPostgresError(
    "START_FAILED",
    `The embedded PostgreSQL did not start: ${reason}. ${see}`,
  );
}

export function portInUse(port: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "PORT_IN_USE",
    `Port ${port} of 127.0.0.1 is in use, so the embedded PostgreSQL cannot take it: free it or choose another.`,
  );
}

function withoutPrefix(line: string): string {
  return line.replace(/^.*?\b(?:LOG|FATAL|PANIC):\s+/, "");
}
