import type { Viewer } from "../domain/access.ts";
import { BusyError, invalidValue } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { newKey } from "../persistence/keys.ts";
import type { SecretOwner } from "../persistence/queries/secrets.ts";
import { insertSecret, lockSecret, replaceSecret } from "../persistence/secret-store.ts";
import { type CommandOptions, carryOutOnce, checkRevision } from "./command.ts";
import { noEncryptionKey } from "./encryption-key.ts";
import type { SecretBox } from "./secret-box.ts";
import { checkSecretName, type SecretName, secretOwner } from "./secret-owner.ts";
import { secretPurpose } from "./secret-vault.ts";

export interface SetSecret extends SecretName {
  readonly value: string;
  /** Null without an encryption key. */
  readonly box: SecretBox | null;
}

/** Something shorter cannot be masked: it turns up everywhere by chance. */
const MIN_LENGTH = 8;
const MAX_BYTES = 64 * 1024;

/** Gives a project or a workflow a secret, or another value to one that it has. */
export async function setSecret(
  engine: Engine,
  viewer: Viewer,
  { owner: key, name, value, box }: SetSecret,
  options: CommandOptions,
): Promise<SecretOwner> {
  const { target, ...owner } = await secretOwner(engine, viewer, key, "setSecret");
  checkSecretName(name);
  checkValue(value);
  if (box === null) throw noEncryptionKey();
  // The hash of a short value would give it away.
  const hashed = { ...options, inputHash: box.fingerprint(options.inputHash) };
  const command = { mutation: "setSecret", projectId: owner.projectId, options: hashed } as const;
  await carryOutOnce(engine, viewer, command, async (transaction) => {
    const { clock } = engine;
    const known = await lockSecret(transaction, owner, name);
    checkRevision(options, known?.revision ?? 0, "input.expectedRevision");
    const id = known?.id ?? newKey(clock);
    const stored = { id, value: box.seal(value, secretPurpose(id)), actorId: viewer.accountId };
    if (known !== null) await replaceSecret(transaction, stored, clock.now());
    else if (!(await insertSecret(transaction, owner, name, stored, clock.now())))
      throw new BusyError("somebody else sets this secret right now, try again");
    const details = { name, revision: (known?.revision ?? 0) + 1 };
    const record = {
      projectId: owner.projectId,
      actorId: viewer.accountId,
      action: "setSecret",
      target,
      details,
    };
    await addAuditEntry(transaction, record, clock);
    return { result: null };
  });
  return owner;
}

function checkValue(value: string): void {
  if (value.includes("\0")) throw invalidValue("input.value", "no NUL: no environment variable can hold it");
  if (value.trim().length < MIN_LENGTH) {
    throw invalidValue(
      "input.value",
      `at least ${MIN_LENGTH} characters: something shorter cannot be kept out of logs`,
    );
  }
  if (Buffer.byteLength(value) > MAX_BYTES) throw invalidValue("input.value", `at most ${MAX_BYTES} bytes`);
}
