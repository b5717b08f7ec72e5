import type { Queryable, Statement } from "./queryable.ts";

/** What people write on a run. */
export interface RunNotes {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const NOTES: Statement = {
  name: "run-notes",
  text: "select labels, annotations from workflow_run where id = $1",
};
export async function runNotes(source: Queryable, runId: string): Promise<RunNotes> {
  const [row] = await source.query<RunNotes>(NOTES, [runId]);
  return row!;
}
