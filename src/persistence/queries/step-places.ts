import type { Queryable, Statement } from "./queryable.ts";

const PLACE: Statement = {
  name: "step-place",
  text: `select w.idx as step from workflow_run r join workflow_step w on w.version_id = r.workflow_version_id
    where r.id = $1 and w.ref = $2 and r.deleted_at is null`,
};

/** Position of the step that a run's workflow calls `ref`; null when it has none. */
export async function findStepPlace(source: Queryable, runId: string, ref: string): Promise<number | null> {
  const [row] = await source.query<{ step: number }>(PLACE, [runId, ref]);
  return row?.step ?? null;
}
