import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { findSchedules } from "../persistence/queries/schedules.ts";
import { deleteScheduleRow, lockSchedule } from "../persistence/schedule-store.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce, checkRevision } from "./command.ts";

const PATH = "input.scheduleId";

/** Removes a schedule; the runs that it made stay. */
export async function deleteSchedule(
  engine: Engine,
  viewer: Viewer,
  scheduleId: string,
  options: CommandOptions,
): Promise<void> {
  const [known] = await findSchedules(engine.database, [scheduleId]);
  if (known === undefined) throw notFound(PATH);
  const { projectId } = known;
  authorize(viewer, projectId, "deleteSchedule", PATH);

  const command = { mutation: "deleteSchedule", projectId, options } as const;
  await carryOutOnce(engine, viewer, command, async (transaction) => {
    const schedule = await lockSchedule(transaction, scheduleId);
    if (schedule === null) throw notFound(PATH);
    checkRevision(options, schedule.revision, PATH);
    await deleteScheduleRow(transaction, scheduleId);
    const record = {
      projectId,
      actorId: viewer.accountId,
      action: "deleteSchedule",
      target: encodeId("Schedule", scheduleId),
      details: { name: schedule.name },
    };
    await addAuditEntry(transaction, record, engine.clock);
    return { result: null };
  });
}
