import { invalidValue, type RefusedError } from "../domain/refusals.ts";

/** Nothing that has to be encrypted can be made. */
export function noEncryptionKey(): RefusedError {
  const message = "this server cannot keep secrets: its operator has to set RUNCAST_ENCRYPTION_KEY";
  return invalidValue("input", message);
}
