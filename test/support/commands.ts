import { createHash } from "node:crypto";
import type { CommandOptions } from "../../src/actions/command.ts";

/** A command without a key, for whatever revision, and meant: not a dry run. */
export const plainCommand: CommandOptions = {
  idempotencyKey: null,
  expectedRevision: null,
  dryRun: false,
  inputHash: createHash("sha256").update("{}").digest(),
};
