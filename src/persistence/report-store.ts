import { taskKey } from "../domain/task-key.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";
import type { RunChange } from "./run-store.ts";

/** A start (`done` false) or a success of one step. */
export interface StepCompletion {
  readonly runId: string;
  readonly step: number;
  readonly fence: number;
  readonly session: string;
  readonly done: boolean;
  readonly exitCode: number | null;
  readonly output: Readonly<Record<string, unknown>> | null;
  readonly log: { readonly length: number; readonly crc32: string } | null;
}

const COMPLETE: Statement = {
  name: "complete-steps",
  text: "select * from complete_steps($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
};

/**
 * The fast path: one statement for many runs. Whatever it leaves alone is missing in `applied` and has to be
 * decided by the domain.
 */
export async function completeSteps(
  source: Queryable,
  steps: readonly StepCompletion[],
  now: Date,
): Promise<{ applied: Set<string>; changes: RunChange[]; workReady: boolean }> {
  const rows = await source.query<{
    run_id: string;
    step_idx: number | null;
    fence: number | null;
    last_seq: number | null;
    freed: number | null;
  }>(COMPLETE, [
    steps.map(({ runId }) => runId),
    steps.map(({ step }) => step),
    steps.map(({ fence }) => fence),
    steps.map(({ session }) => session),
    steps.map(({ done }) => done),
    steps.map(({ exitCode }) => exitCode),
    steps.map(({ output }) => (output === null ? null : JSON.stringify(output))),
    steps.map(({ log }) => log?.length ?? null),
    steps.map(({ log }) => log?.crc32 ?? null),
    now,
  ]);
  const applied = new Set<string>();
  const changes: RunChange[] = [];
  for (const { run_id: runId, step_idx: step, fence, last_seq: lastSeq } of rows) {
    if (step === null) changes.push({ runId, lastSeq: lastSeq! });
    else applied.add(taskKey({ runId, step, fence: fence! }));
  }
  return { applied, changes, workReady: rows.some(({ freed }) => (freed ?? 0) > 0) };
}

const APPLIED_FENCES: Statement = {
  name: "applied-fences",
  text: `select a.run_id as "runId", a.step_idx as step, a.fence
    from unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[]) i(run_id, idx, fence, session_id)
    cross join lateral (
      select n.runner_id from runner_session n where n.id = i.session_id offset 0
    ) n
    cross join lateral (
      select a.* from step_attempt a
      where a.run_id = i.run_id and a.step_idx = i.idx and a.fence = i.fence and a.runner_id = n.runner_id offset 0
    ) a
    where a.reported`,
};

/** Which of these tasks have ended with that very fence, on the session's runner: a repeated report of theirs is no news, and no error. */
export async function appliedFences(
  source: Queryable,
  tasks: readonly {
    readonly runId: string;
    readonly step: number;
    readonly fence: number;
    readonly session: string;
  }[],
): Promise<Set<string>> {
  if (tasks.length === 0) return new Set();
  const rows = await source.query<{ runId: string; step: number; fence: number }>(APPLIED_FENCES, [
    tasks.map(({ runId }) => runId),
    tasks.map(({ step }) => step),
    tasks.map(({ fence }) => fence),
    tasks.map(({ session }) => session),
  ]);
  return new Set(rows.map(taskKey));
}
