import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import {
  findSchedules,
  type ScheduleRecord,
  type ScheduleSettings,
} from "../persistence/queries/schedules.ts";
import { lockSchedule, updateScheduleRow } from "../persistence/schedule-store.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce, checkRevision } from "./command.ts";
import { checkSchedule, nextTime } from "./schedule-settings.ts";
import { nameTaken } from "./trigger-name.ts";

export interface ScheduleChange extends Partial<Omit<ScheduleSettings, "options">> {
  /** Each option that is here replaces the one before. */
  readonly options: Partial<ScheduleSettings["options"]>;
}

const PATH = "input.scheduleId";

/** Changes what is named in `change` and leaves the rest as it is. */
export async function updateSchedule(
  engine: Engine,
  viewer: Viewer,
  { scheduleId, change }: { readonly scheduleId: string; readonly change: ScheduleChange },
  options: CommandOptions,
): Promise<void> {
  const [known] = await findSchedules(engine.database, [scheduleId]);
  if (known === undefined) throw notFound(PATH);
  const { projectId } = known;
  authorize(viewer, projectId, "updateSchedule", PATH);

  const command = { mutation: "updateSchedule", projectId, options } as const;
  await carryOutOnce(engine, viewer, command, async (transaction) => {
    const before = await lockSchedule(transaction, scheduleId);
    if (before === null) throw notFound(PATH);
    checkRevision(options, before.revision, PATH);
    const after = { ...before, ...change, options: { ...before.options, ...change.options } };
    await checkSchedule(transaction, engine, before.workflowId, after);
    const now = engine.clock.now();
    const nextAt = sameTimes(before, after) ? before.nextAt : nextTime(after, now);
    if (!(await updateScheduleRow(transaction, scheduleId, after, nextAt, now)))
      throw nameTaken("schedule", after.name);
    const record = {
      projectId,
      actorId: viewer.accountId,
      action: "updateSchedule",
      target: encodeId("Schedule", scheduleId),
      details: { changed: [...Object.keys(change), ...Object.keys(change.options)].filter(isSetting) },
    };
    await addAuditEntry(transaction, record, engine.clock);
    return { result: null };
  });
}

function isSetting(name: string): boolean {
  return name !== "options";
}

/** A schedule that runs at the same times as before still makes up for those that passed. */
function sameTimes(before: ScheduleRecord, after: ScheduleSettings): boolean {
  return before.enabled === after.enabled && before.cron === after.cron && before.timeZone === after.timeZone;
}
