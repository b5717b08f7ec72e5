export const EMBEDDED_POSTGRES_ERROR_CODES = [
  "DATA_DIRECTORY_BROKEN",
  "VERSION_MISMATCH",
  "ALREADY_RUNNING",
  "PORT_IN_USE",
  "NO_BINARIES",
  "PERMISSION",
  "START_FAILED",
] as const;
export type EmbeddedPostgresErrorCode = (typeof EMBEDDED_POSTGRES_ERROR_CODES)[number];

/** Why the embedded PostgreSQL could not start. `message` is one line, fit to be shown to a user as it is. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const PERMISSION_ERRORS = new Set(["EACCES", "EPERM", "EROFS"]);

/** Turns whatever went wrong, mostly a refused file operation, into one line with a code. */
export function toEmbeddedPostgresError(error: unknown): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code !== undefined && PERMISSION_ERRORS.has(code)) {
    return new EmbeddedPostgresError(
      "PERMISSION",
      `The embedded PostgreSQL may not use ${path ?? "a file that it needs"} (${code}): give this user the right to write there, or start as the user that owns it.`,
      { cause: error },
    );
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new EmbeddedPostgresError("START_FAILED", `The embedded PostgreSQL did not start: ${detail}`, {
    cause: error,
  });
}

export function hasErrorCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | null)?.code ?? "");
}
