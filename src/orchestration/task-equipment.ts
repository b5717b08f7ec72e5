import type { EnvVar, StepDefinition, WorkflowDefinition } from "../domain/definition.ts";
import { mentionedSecrets } from "../domain/expressions.ts";
import { requestSecrets } from "../domain/http-request.ts";
import type { ClaimedStep } from "../persistence/runner-store.ts";

/** What only a task carries, made when it is handed out and stored nowhere. */
export interface TaskEquipment {
  /** Values of those secrets that are set, by name. @throws SecretError when one cannot be opened */
  readonly secretsOf: (scope: SecretScope, names: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Lets the step's processes speak for it, while its lease lasts. */
  readonly tokenOf: (step: ClaimedStep) => string;
  /** Where they reach the API; null = where their runner does. */
  readonly apiUrl: string | null;
}

/** A workflow's own secrets count before those of its project. */
export interface SecretScope {
  readonly projectId: string;
  readonly workflowId: string;
}

/** The secrets that the step is given: by its request, or through its environment. */
export function secretNames({ env }: WorkflowDefinition, step: StepDefinition): string[] {
  const names = step.http === null ? secretsIn([...env, ...step.env]) : requestSecrets(step.http);
  return [...new Set(names)];
}

function secretsIn(variables: readonly EnvVar[]): string[] {
  return variables.flatMap(({ value }) => mentionedSecrets(value));
}
