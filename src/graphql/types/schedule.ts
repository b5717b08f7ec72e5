import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { MissedRuns } from "../../domain/triggers.ts";
import type { ScheduleRecord } from "../../persistence/queries/schedules.ts";
import { MissedRunsEnum } from "../command-enums.ts";
import { connectionOf } from "../connection.ts";
import { DateTime, Int, Json } from "../scalars.ts";
import { Node } from "./node.ts";
import { EnvVar } from "./workflow-run.ts";

@ObjectType("Schedule", {
  implements: Node,
  description:
    "Makes runs of a workflow's latest version at the times that a cron expression names, in the name of whoever created it.",
})
export class Schedule extends Node {
  @Field(() => String, { description: "Its name, unique in its workflow." })
  name!: string;

  @Field(() => String, {
    description: "When it runs: a cron expression of 5 fields, or 6 with the second first.",
  })
  cron!: string;

  @Field(() => String, { description: "Time zone in which `cron` is read, a name of the IANA database." })
  timeZone!: string;

  @Field(() => MissedRunsEnum, { description: "What it does about times that passed while no server ran." })
  missedRuns!: MissedRuns;

  @Field(() => Boolean, { description: "False while it makes no runs." })
  enabled!: boolean;

  @Field(() => Json, { description: "Inputs of its runs: values by input name." })
  inputs!: Readonly<Record<string, unknown>>;

  @Field(() => Json, { nullable: true, description: "Payload of its runs: free JSON." })
  payload!: unknown;

  @Field(() => [EnvVar], { description: "Environment variables of its runs." })
  envVars!: readonly EnvVar[];

  @Field(() => Json, { description: "Labels of its runs: an object of text values." })
  labels!: Readonly<Record<string, string>>;

  @Field(() => String, { nullable: true, description: "Git branch of its runs; null = the workflow's own." })
  branch!: string | null;

  @Field(() => String, { nullable: true, description: "Message of its runs; null = the commit's." })
  message!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: "When it runs next; null while it is disabled, or when no time is left.",
  })
  nextAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it made its last run." })
  lastFiredAt!: Date | null;

  @Field(() => String, {
    nullable: true,
    description: "Why it could make no run the last time it was due; null when it could.",
  })
  lastError!: string | null;

  @Field(() => Int, { description: "Grows with every edit, not with its runs." })
  revision!: number;

  @Field(() => DateTime, { description: "When it was created." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it was last edited." })
  updatedAt!: Date;

  record!: ScheduleRecord;

  static from(record: ScheduleRecord): Schedule {
    const id = encodeId("Schedule", record.id);
    return Object.assign(new Schedule(), record, record.options, { id, record });
  }
}

export const ScheduleConnection = connectionOf("Schedule", () => Schedule);
