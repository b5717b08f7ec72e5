import type { StatusReasonCode } from "../../domain/statuses.ts";

/** A status reason as its JSON column holds it. */
export interface StoredReason {
  readonly code: StatusReasonCode;
  readonly message: string;
  readonly actorId: string | null;
  readonly at: string;
}
