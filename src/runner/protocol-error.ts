/**
 * UNREACHABLE, UNAUTHORIZED and FAULT may pass when tried again; SESSION_LOST ends the session; REFUSED will
 * never be accepted as it is; ABORTED was given up by the caller.
 */
export type ProtocolErrorKind =
  | "UNREACHABLE"
  | "UNAUTHORIZED"
  | "FAULT"
  | "SESSION_LOST"
  | "REFUSED"
  | "ABORTED";

export class ProtocolError extends Error {
  override readonly name = "ProtocolError";

  constructor(
    readonly kind: ProtocolErrorKind,
    message: string,
  ) {
    super(message);
  }
}

export function isProtocolError(error: unknown, ...kinds: ProtocolErrorKind[]): error is ProtocolError {
  return error instanceof ProtocolError && kinds.includes(error.kind);
}
