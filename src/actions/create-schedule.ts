import type { Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import { addAuditEntry } from "../persistence/audit-store.ts";
import { newKey } from "../persistence/keys.ts";
import type { ScheduleSettings } from "../persistence/queries/schedules.ts";
import { findWorkflow } from "../persistence/queries/workflows.ts";
import { insertSchedule } from "../persistence/schedule-store.ts";
import { authorize } from "./authorize.ts";
import { type CommandOptions, carryOutOnce } from "./command.ts";
import { refuseArchived } from "./refuse-archived.ts";
import { checkSchedule, nextTime } from "./schedule-settings.ts";
import { nameTaken } from "./trigger-name.ts";

export interface CreateSchedule {
  readonly workflowId: string;
  readonly settings: ScheduleSettings;
}

/** Makes a schedule of a workflow; it runs for the first time at the next time it names. @returns its key */
export async function createSchedule(
  engine: Engine,
  viewer: Viewer,
  { workflowId, settings }: CreateSchedule,
  options: CommandOptions,
): Promise<string> {
  const workflow = await findWorkflow(engine.database, workflowId);
  if (workflow === null) throw notFound("input.workflowId");
  const { projectId } = workflow;
  authorize(viewer, projectId, "createSchedule", "input.workflowId");
  refuseArchived(workflow, "input.workflowId");

  const command = { mutation: "createSchedule", projectId, options } as const;
  return await carryOutOnce(engine, viewer, command, async (transaction) => {
    await checkSchedule(transaction, engine, workflowId, settings);
    const { clock } = engine;
    const now = clock.now();
    const id = newKey(clock);
    const nextAt = nextTime(settings, now);
    const schedule = { ...settings, id, projectId, workflowId, nextAt, createdBy: viewer.accountId };
    if (!(await insertSchedule(transaction, schedule, now))) throw nameTaken("schedule", settings.name);
    const { name, cron, timeZone, enabled } = settings;
    const record = {
      projectId,
      actorId: viewer.accountId,
      action: "createSchedule",
      target: encodeId("Schedule", id),
      details: { workflow: workflow.name, name, cron, timeZone, enabled },
    };
    await addAuditEntry(transaction, record, clock);
    return { result: id };
  });
}
