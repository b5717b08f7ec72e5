import { resolveWithin } from "../domain/expressions.ts";
import { stepOutputs } from "../persistence/task-store.ts";
import type { Engine } from "./transition.ts";

export interface OutputsOf {
  readonly runId: string;
  readonly versionId: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** All of them together, in characters: as much as a step's output may have. */
const MAX_LENGTH = 1024 * 1024;

/**
 * The outputs that the run's workflow declares, filled in from its steps. What a step did not write is empty, and so is
 * what would make them too long.
 */
export async function runOutputs(
  { database, versions }: Engine,
  { runId, versionId, inputs }: OutputsOf,
): Promise<Record<string, string>> {
  const { definition } = await versions.get(database, versionId);
  const declared = Object.entries(definition.outputs);
  if (declared.length === 0) return {};
  const context = { inputs, stepOutputs: await stepOutputs(database, runId) };
  let left = MAX_LENGTH;
  const outputs = declared.map(([name, value]) => {
    const text = resolveWithin(value, context, left) ?? "";
    left -= text.length;
    return [name, text] as const;
  });
  return Object.fromEntries(outputs);
}
