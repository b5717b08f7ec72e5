/** One thing that is wrong with an input: where it is, and in a file also the line and column (1-based). */
export interface Fault {
  readonly message: string;
  readonly path: string;
  readonly line: number | null;
  readonly column: number | null;
}

/** Why a command was not carried out, as its caller is told. */
export type Refusal =
  | { readonly kind: "NotFound"; readonly message: string; readonly path: string }
  | {
      readonly kind: "InvalidState";
      readonly message: string;
      readonly path: string;
      /** A status, or a word for another kind of state, such as `FINALIZED` or `ARCHIVED`. */
      readonly current: string;
      readonly allowed: readonly string[];
    }
  | {
      readonly kind: "ValidationFailed";
      readonly message: string;
      readonly path: string;
      readonly faults: readonly Fault[];
    }
  | {
      readonly kind: "RevisionConflict";
      readonly message: string;
      readonly path: string;
      /** The revision it has now. */
      readonly revision: number;
    }
  | { readonly kind: "IdempotencyConflict"; readonly message: string; readonly path: string }
  | {
      readonly kind: "LimitExceeded";
      readonly message: string;
      readonly path: string;
      readonly limit: number;
    }
  | { readonly kind: "Busy"; readonly message: string; readonly path: string };

/** Thrown by an action to roll back whatever it did; the API answers with the refusals as data. */
export class RefusedError extends Error {
  readonly refusals: readonly Refusal[];

  constructor(...refusals: Refusal[]) {
    super(refusals.map(({ message }) => message).join("; "));
    this.refusals = refusals;
  }
}

/** The object is visible to the caller, but their role does not allow this. */
export class ForbiddenError extends Error {}

/** The object or the database is held by somebody else for too long: the caller may simply try again. */
export class BusyError extends Error {}

/** The database cannot be reached, or went away before anything was committed. */
export class DatabaseAwayError extends BusyError {}

/** The connection broke during a commit: what was asked for is done, or it is not. */
export class CommitUnknownError extends Error {}

/** The session is dead, expired or somebody else's: its runner must kill everything and register again. */
export class SessionLostError extends Error {}

/** Foreign, unknown, deleted and mistyped ids are all answered with exactly this. */
export function notFound(path: string): RefusedError {
  return new RefusedError({ kind: "NotFound", message: "no such object", path });
}

export function invalid(path: string, faults: readonly Fault[]): RefusedError {
  const [first] = faults;
  const message =
    faults.length === 1 ? first!.message : `${faults.length} faults; the first: ${first?.message}`;
  return new RefusedError({ kind: "ValidationFailed", message, path, faults });
}

/** One fault, as a refusal. */
export function invalidValue(path: string, message: string): RefusedError {
  return invalid(path, [{ path, message, line: null, column: null }]);
}

/** The object is in a state in which this is not legal. */
export function invalidState(
  path: string,
  message: string,
  current: string,
  allowed: readonly string[],
): RefusedError {
  return new RefusedError({ kind: "InvalidState", message, path, current, allowed });
}
