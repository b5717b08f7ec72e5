import type { TestSpec } from "../domain/definition.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import type { ClaimedStep } from "../persistence/runner-store.ts";
import { isUndiscovered, readTestStep } from "../persistence/test-steps.ts";

/** What a runner needs to know to execute the tests of a step. */
export interface TestTask extends Omit<TestSpec, "allowEmpty"> {
  /** Discover, or run the command that writes the report; else only the tests are executed that are handed out. */
  readonly rediscover: boolean;
  readonly testSuite: string | null;
  readonly releaseIds: readonly string[];
  /** Free JSON of whoever submitted tests. */
  readonly configuration: Readonly<Record<string, unknown>>;
}

export async function testTask(
  source: Queryable,
  { runId, step }: ClaimedStep,
  spec: TestSpec | null,
): Promise<TestTask | null> {
  if (spec === null) return null;
  const { allowEmpty: _, ...own } = spec;
  const asked = await readTestStep(source, runId, step);
  const { testSuite, releaseIds, configuration } = asked;
  return { ...own, rediscover: isUndiscovered(asked), testSuite, releaseIds, configuration };
}
