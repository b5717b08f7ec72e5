import { createRun } from "../actions/create-run.ts";
import { timeAfter } from "../actions/cron-times.ts";
import { type FiringPlan, planFiring } from "../actions/plan-firing.ts";
import { defaultRunOptions } from "../actions/run-options.ts";
import { encodeId } from "../domain/ids.ts";
import { DatabaseAwayError, type Refusal, RefusedError } from "../domain/refusals.ts";
import type { Logger } from "../observability/logger.ts";
import { announce, type Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import type { ScheduleRecord } from "../persistence/queries/schedules.ts";
import type { AppliedDeltas } from "../persistence/run-store.ts";
import {
  lockDueSchedule,
  moveScheduleOn,
  nextDueSchedule,
  noteScheduledRun,
  noteScheduleRefusal,
} from "../persistence/schedule-store.ts";
import type { Duty } from "./duty.ts";

const LONGEST_MS = 1_000;
const MAX_ERROR_LENGTH = 1_000;

/** Under this annotation a run says for which time of its schedule it was made. */
export const SCHEDULED_FOR = "runcast/scheduled-for";

/**
 * Makes the runs of schedules whose time has come. Each run is a transaction of its own that moves the schedule on to
 * its next time, so a time makes one run however many replicas look.
 */
export const fireSchedules: Duty = {
  name: "fire-schedules",
  everyMs: LONGEST_MS,
  async run(engine, signal, logger) {
    const failed = new Map<string, unknown>();
    let more = true;
    while (more && !signal?.aborted) more = await fireNext(engine, failed, logger);
    if (failed.size > 0) {
      throw new AggregateError(failed.values(), `${failed.size} schedules could not make their runs`);
    }
    const next = await nextDueSchedule(engine.database);
    return next === null
      ? LONGEST_MS
      : Math.min(Math.max(next.getTime() - engine.clock.now().getTime(), 0), LONGEST_MS);
  },
};

/** @returns false when no schedule is due, apart from those that failed */
async function fireNext(
  engine: Engine,
  failed: Map<string, unknown>,
  logger: Logger | undefined,
): Promise<boolean> {
  const due: { schedule?: ScheduleRecord } = {};
  try {
    const fired = await engine.database.transaction(async (transaction) => {
      const now = engine.clock.now();
      const schedule = await lockDueSchedule(transaction, now, [...failed.keys()]);
      if (schedule === null) return null;
      due.schedule = schedule;
      return await fire(transaction, engine, schedule, now);
    });
    if (fired !== null) tell(engine, fired, logger);
    return fired !== null;
  } catch (error) {
    // Every other schedule would only fail alike.
    if (due.schedule === undefined || error instanceof DatabaseAwayError) throw error;
    const { id } = due.schedule;
    if (error instanceof RefusedError) await giveUp(engine, due.schedule, error);
    else failed.set(id, new Error(`schedule ${id} could not make its run`, { cause: error }));
    return true;
  }
}

interface Fired {
  readonly schedule: ScheduleRecord;
  readonly plan: FiringPlan;
  readonly applied: AppliedDeltas | null;
}

async function fire(
  transaction: Transaction,
  engine: Engine,
  schedule: ScheduleRecord,
  now: Date,
): Promise<Fired> {
  const { id, workflowId, createdBy: actorId, options } = schedule;
  const plan = planFiring(schedule, now);
  if (plan.fire === null) {
    await moveScheduleOn(transaction, id, plan.next);
    return { schedule, plan, applied: null };
  }
  const { runId, applied } = await createRun(transaction, engine, {
    workflowId,
    actorId,
    trigger: { type: "SCHEDULE", ref: encodeId("Schedule", id) },
    options: {
      ...defaultRunOptions(),
      ...options,
      annotations: { [SCHEDULED_FOR]: plan.fire.toISOString() },
    },
  });
  await noteScheduledRun(transaction, id, plan.next, { id: runId, at: now });
  return { schedule, plan, applied };
}

function tell({ bus }: Engine, { schedule, plan, applied }: Fired, logger: Logger | undefined): void {
  if (applied !== null) announce(bus, applied);
  if (plan.leftOut === null) return;
  const { from, before } = plan.leftOut;
  const what = { schedule: encodeId("Schedule", schedule.id), from, before };
  logger?.warn(what, "a schedule missed more times than it makes up for; the oldest are left out");
}

/** The same would be refused again: the schedule says why, and goes on with its next time. */
async function giveUp(
  { database, clock }: Engine,
  schedule: ScheduleRecord,
  error: RefusedError,
): Promise<void> {
  const message = error.refusals.map(textOf).join("; ").slice(0, MAX_ERROR_LENGTH);
  await noteScheduleRefusal(database, schedule, timeAfter(schedule, clock.now()), message);
}

function textOf(refusal: Refusal): string {
  return refusal.kind === "ValidationFailed"
    ? refusal.faults.map(({ message }) => message).join("; ")
    : refusal.message;
}
