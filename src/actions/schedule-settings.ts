import { validateInputs } from "../definitions/inputs.ts";
import { type Fault, invalid, notFound, RefusedError } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import type { ScheduleSettings } from "../persistence/queries/schedules.ts";
import { latestVersion } from "../persistence/workflow-store.ts";
import { cronRefusal, timeAfter, timeZoneRefusal } from "./cron-times.ts";
import { checkRunOptions, defaultRunOptions } from "./run-options.ts";
import { nameFaults } from "./trigger-name.ts";

/** Throws a refusal that names everything that is wrong, judged by the workflow's latest version. */
export async function checkSchedule(
  transaction: Transaction,
  engine: Engine,
  workflowId: string,
  { name, cron, timeZone, options }: ScheduleSettings,
): Promise<void> {
  const latest = await latestVersion(transaction, workflowId);
  if (latest === null) throw notFound("input.workflowId");
  const { definition } = await engine.versions.get(transaction, latest.id);
  const inputs = validateInputs(definition, options.inputs).faults;
  const faults: Fault[] = [
    ...nameFaults(name),
    ...faultAt("input.cron", cronRefusal(cron, engine.clock.now())),
    ...faultAt("input.timeZone", timeZoneRefusal(timeZone)),
    ...inputs.map(({ message, path }) => ({ message, path: `input.${path}`, line: null, column: null })),
    ...optionFaults(() => checkRunOptions({ ...defaultRunOptions(), ...options })),
  ];
  if (faults.length > 0) throw invalid("input", faults);
}

/** When a schedule is to run next; null while it is disabled. */
export function nextTime(settings: ScheduleSettings, now: Date): Date | null {
  return settings.enabled ? timeAfter(settings, now) : null;
}

function faultAt(path: string, message: string | null): Fault[] {
  return message === null ? [] : [{ path, message, line: null, column: null }];
}

function optionFaults(check: () => void): readonly Fault[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return error.refusals.flatMap((refusal) => (refusal.kind === "ValidationFailed" ? refusal.faults : []));
  }
}
