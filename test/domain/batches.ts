import assert from "node:assert/strict";
import type { RunCommand } from "../../src/domain/commands.ts";
import { decide } from "../../src/domain/decide.ts";
import type { RunState } from "../../src/domain/run-state.ts";
import { applyDelta } from "./apply-delta.ts";
import type { DrivenRun } from "./driven-run.ts";

/** Where a batch leads is where its reports lead one by one; who gets the last slot depends on their order. */
export function assertSameOneByOne(before: RunState, commands: readonly RunCommand[], run: DrivenRun): void {
  let state = before;
  for (const command of commands) state = applyDelta(state, decide(state, [command], run.now));
  const limited = run.state.settings.maxParallelSteps !== null;
  const outline = ({ status, steps, stages }: RunState) => ({
    status,
    // Of several needs that failed, the message names the one that was heard of first.
    steps: steps.map((step) => ({
      ...step,
      ready: step.ready && !limited,
      reason: step.reason?.code ?? null,
    })),
    stages: stages.map((stage) => stage.status),
  });
  assert.deepEqual(outline(run.state), outline(state));
}
