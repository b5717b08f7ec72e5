import { Field, ObjectType } from "type-graphql";
import type { LogLine as Line } from "../../logs/records.ts";
import { DateTime, Int } from "../scalars.ts";
import { LogLine } from "./step-log.ts";
import { StepRun } from "./step-run.ts";
import { WorkflowRun } from "./workflow-run.ts";

@ObjectType("LogMatch", { description: "A line of a log that holds the text that was looked for." })
export class LogMatch {
  @Field(() => WorkflowRun, { description: "The run." })
  workflowRun!: WorkflowRun;

  @Field(() => StepRun, { nullable: true, description: "The step; null when the run was deleted just now." })
  stepRun?: StepRun | null;

  @Field(() => Int, { description: "Number of the attempt whose log it is." })
  attempt!: number;

  @Field(() => LogLine, { description: "The line." })
  line!: Line;

  place!: { readonly runId: string; readonly index: number };
}

@ObjectType("LogSearchResult", {
  description:
    "Matches of a search, and how far it has come. One call looks at about 32 MiB of logs at most.",
})
export class LogSearchResult {
  @Field(() => [LogMatch], {
    description:
      "The matches: the newest run first, then by step, attempt and line. It may be empty though `hasMore`.",
  })
  matches!: readonly LogMatch[];

  @Field(() => Boolean, { description: "Not everything was looked at: go on with `after: endCursor`." })
  hasMore!: boolean;

  @Field(() => String, { nullable: true, description: "Where to go on; null when everything was looked at." })
  endCursor!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: "All runs that were made after this moment were looked at; null when everything was.",
  })
  scannedUntil!: Date | null;
}
