import { resolveExpressions } from "../domain/expressions.ts";
import { stepOutputs } from "../persistence/task-store.ts";
import type { Engine } from "./transition.ts";

export interface OutputsOf {
  readonly runId: string;
  readonly versionId: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** The outputs that the run's workflow declares, filled in from its steps; what a step did not write is empty. */
export async function runOutputs(
  { database, versions }: Engine,
  { runId, versionId, inputs }: OutputsOf,
): Promise<Record<string, string>> {
  const { definition } = await versions.get(database, versionId);
  const declared = Object.entries(definition.outputs);
  if (declared.length === 0) return {};
  const context = { inputs, stepOutputs: await stepOutputs(database, runId) };
  return Object.fromEntries(declared.map(([name, value]) => [name, resolveExpressions(value, context)]));
}
