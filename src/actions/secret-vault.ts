import { SecretError } from "../domain/expressions.ts";
import { SecretMasker } from "../domain/mask.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import { namedSecrets, type SealedSecret, usableSecrets } from "../persistence/queries/secrets.ts";
import type { SecretBox } from "./secret-box.ts";

/** What a secret's value is sealed for: its own row alone. */
export function secretPurpose(id: string): string {
  return `secret ${id}`;
}

/** Opens the secrets of projects and workflows, for tasks and for masks. */
export class SecretVault {
  readonly #database: Queryable;
  readonly #box: SecretBox | null;

  /** @param box null without an encryption key: then nothing can be opened */
  constructor(database: Queryable, box: SecretBox | null) {
    this.#database = database;
    this.#box = box;
  }

  /**
   * Values of those secrets that are set, by name; a workflow's own count before those of its project.
   * @throws SecretError when one is set and cannot be opened
   */
  async open(projectId: string, workflowId: string, names: readonly string[]): Promise<Map<string, string>> {
    const sealed = await namedSecrets(this.#database, projectId, workflowId, names);
    return new Map(sealed.map((secret) => [secret.name, this.#opened(secret)]));
  }

  /** What keeps the secrets of a workflow out of what others upload for it; null when there are none. */
  async maskFor(projectId: string, workflowId: string): Promise<SecretMasker | null> {
    const box = this.#box;
    if (box === null) return null;
    const sealed = await usableSecrets(this.#database, projectId, workflowId);
    const values = sealed.flatMap(({ id, value }) => box.open(value, secretPurpose(id)) ?? []);
    return values.length === 0 ? null : new SecretMasker(values, { preserveLength: true });
  }

  #opened({ id, name, value }: SealedSecret): string {
    const opened = this.#box?.open(value, secretPurpose(id)) ?? null;
    if (opened !== null) return opened;
    const why =
      this.#box === null ? "has no encryption key" : "has another encryption key than it was set under";
    throw new SecretError(`the secret ${name} cannot be opened: the server ${why}`);
  }
}
