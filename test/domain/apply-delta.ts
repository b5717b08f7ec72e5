import type { RunDelta } from "../../src/domain/decide.ts";
import type { RunHead, RunState } from "../../src/domain/run-state.ts";

/** What the storage of a run does with a delta: rows that it names are replaced, all others stay. */
export function applyDelta(run: RunState, delta: RunDelta): RunState {
  const steps = [...run.steps];
  for (const changed of delta.steps) steps[changed.index] = changed;
  const stages = [...run.stages];
  for (const changed of delta.stages) stages[changed.index] = changed;
  const { id, graph, settings } = run;
  return { id, graph, settings, ...headOf(delta.head), steps, stages };
}

/** The head's own fields: an object typed as a head may be a whole run. */
export function headOf(head: RunHead): RunHead {
  const { status, reason, ending, pause, queuedAt, startedAt, finishedAt, progress } = head;
  const { finalizedAt, sealing, expiresAt } = head;
  return {
    status,
    reason,
    ending,
    pause,
    queuedAt,
    startedAt,
    finishedAt,
    progress,
    finalizedAt,
    sealing,
    expiresAt,
  };
}

/** Makes every write to the value, or to anything in it, throw. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}
