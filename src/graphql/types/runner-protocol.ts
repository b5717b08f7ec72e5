import { Field, InputType, ObjectType } from "type-graphql";
import type { TaskOutcome } from "../../domain/commands.ts";
import type { CancelMode } from "../../domain/run-state.ts";
import type { LogAppendOutcome } from "../../logs/append.ts";
import type { ReportResult } from "../../orchestration/report.ts";
import { CancelModeEnum } from "../command-enums.ts";
import {
  LogAppendOutcomeEnum,
  ReportResultEnum,
  TaskOutcomeEnum,
  TaskReportKindEnum,
} from "../runner-enums.ts";
import { DateTime, Float, ID, Int, Json } from "../scalars.ts";

/** The types of the protocol between runners and the server; people and programs use the rest of the schema. */

const STEP_RUN = "The step.";
const FENCE = "Number of the lease, as the task carried it.";
const PART =
  "Which log of the lease: 0 is the step's own; from 1 on, that of the test execution which the runner gave this number.";
const SESSION = "The runner's session, from `registerRunner`.";

@InputType("RegisterRunnerInput", { description: "What a runner says of itself." })
export class RegisterRunnerInput {
  @Field(() => String, {
    description:
      "Its name, unique for its account; registering again under a name replaces what was said before.",
  })
  name!: string;

  @Field(() => [String], { description: "The queues it serves. At most 100." })
  queues!: string[];

  @Field(() => [String], { description: "The labels it carries. At most 100." })
  labels!: string[];

  @Field(() => Int, { description: "How many steps it executes at once, 1 to 10,000." })
  capacity!: number;

  @Field(() => String, { description: "Name of its host." })
  hostname!: string;

  @Field(() => String, { description: "Its Runcast version." })
  version!: string;
}

@ObjectType("RegisterRunnerPayload", { description: "A new session of a runner." })
export class RegisterRunnerPayload {
  @Field(() => ID, { description: "The session: named in every later call." })
  session!: string;

  @Field(() => ID, { description: "The runner." })
  runnerId!: string;

  @Field(() => Int, { description: "Milliseconds of silence after which the runner is taken for dead." })
  leaseMs!: number;

  @Field(() => Int, { description: "Milliseconds between heartbeats." })
  heartbeatMs!: number;

  @Field(() => Float, { description: "Most bytes that one artifact may have." })
  maxArtifactBytes!: number;
}

@InputType("ClaimTasksInput", { description: "A runner's request for work." })
export class ClaimTasksInput {
  @Field(() => ID, { description: SESSION })
  session!: string;

  @Field(() => String, {
    description:
      "Chosen by the runner. When the answer did not arrive, asking again with it hands out the same leases.",
  })
  claimId!: string;

  @Field(() => Int, { description: "How many tasks there is room for, 0 to 200; 0 = only cancels." })
  max!: number;

  @Field(() => Int, { description: "Milliseconds to wait when there is nothing, 0 to 10,000." })
  waitMs!: number;
}

@ObjectType("Task", { description: "A step that the session now holds." })
export class Task {
  @Field(() => ID, { description: STEP_RUN })
  stepRunId!: string;

  @Field(() => ID, { description: "The step's run." })
  workflowRunId!: string;

  @Field(() => Int, { description: "Number of the lease: every report about the task carries it." })
  fence!: number;

  @Field(() => Int, { description: "The number that the attempt gets when it starts." })
  attempt!: number;

  @Field(() => String, { description: "The step's `ref` in the workflow file." })
  stepRef!: string;

  @Field(() => String, { description: "The workflow's name." })
  workflowName!: string;

  @Field(() => Int, { description: "The run's number." })
  runNumber!: number;

  @Field(() => Json, {
    description:
      "What to execute, everything resolved: `{run shell timeoutMs graceMs env: [{key value}] source: {git ref commit} http test artifacts: {globs fetch} masks apiUrl taskToken}`. Where `http` is not null it is a request instead of a command: `{method url headers: [{key value}] body expect: [{from to}]}`. Where `test` is not null, tests are executed and `run` is empty: `{discover run report: {format globs} parallel testTimeoutMs rediscover testSuite releaseIds configuration}`. `artifacts` are the files to keep, and whether `taskArtifacts` has some to place before; `masks` are the texts to keep out of all that is told; `taskToken` is what the step's processes present at `apiUrl`.",
  })
  spec!: object;
}

@ObjectType("TaskCancel", {
  description: "A task that the runner must stop. Repeated until its end is reported.",
})
export class TaskCancel {
  @Field(() => ID, { description: STEP_RUN })
  stepRunId!: string;

  @Field(() => Int, { description: FENCE })
  fence!: number;

  @Field(() => CancelModeEnum, { description: "How hard." })
  mode!: CancelMode;
}

@ObjectType("ClaimTasksPayload", { description: "What the runner has to do." })
export class ClaimTasksPayload {
  @Field(() => [Task], { description: "Tasks that it now holds." })
  tasks!: Task[];

  @Field(() => [TaskCancel], { description: "Tasks that it must stop." })
  cancels!: TaskCancel[];
}

@InputType("TaskKeyInput", { description: "A task that a runner knows of." })
export class TaskKeyInput {
  @Field(() => ID, { description: STEP_RUN })
  stepRunId!: string;

  @Field(() => Int, { description: FENCE })
  fence!: number;
}

@ObjectType("TaskKey", { description: "A task that is not the runner's any more." })
export class TaskKey {
  @Field(() => ID, { description: STEP_RUN })
  stepRunId!: string;

  @Field(() => Int, { description: FENCE })
  fence!: number;
}

@InputType("HeartbeatRunnerInput", { description: "A sign of life." })
export class HeartbeatRunnerInput {
  @Field(() => ID, { description: SESSION })
  session!: string;

  @Field(() => [TaskKeyInput], {
    description:
      "Every task that the runner knows of. Leases it does not list and never started go back to the queue 20 s after they were granted.",
  })
  held!: TaskKeyInput[];
}

@ObjectType("HeartbeatRunnerPayload", { description: "How long the runner's leases last now." })
export class HeartbeatRunnerPayload {
  @Field(() => DateTime, { description: "Until when the runner is taken for alive." })
  leaseUntil!: Date;

  @Field(() => [TaskCancel], { description: "Tasks that it must stop." })
  cancels!: TaskCancel[];

  @Field(() => [TaskKey], {
    description: "Tasks that it lists and does not hold: kill them, report nothing.",
  })
  lost!: TaskKey[];
}

@InputType("TaskReportInput", { description: "What happened to a task." })
export class TaskReportInput {
  @Field(() => ID, { description: STEP_RUN })
  stepRunId!: string;

  @Field(() => Int, { description: FENCE })
  fence!: number;

  @Field(() => TaskReportKindEnum, { description: "What is reported." })
  kind!: "STARTED" | "FINISHED" | "RELEASED";

  @Field(() => TaskOutcomeEnum, { nullable: true, description: "How it ended; required with FINISHED." })
  outcome?: TaskOutcome | null;

  @Field(() => Int, {
    nullable: true,
    description: "The command's exit code; null when it did not exit by itself.",
  })
  exitCode?: number | null;

  @Field(() => Json, {
    nullable: true,
    description:
      "What the step wrote to `$RUNCAST_OUTPUT`, or what its request was answered with: an object, at most 1 MiB.",
  })
  output?: unknown;

  @Field(() => String, { nullable: true, description: "Why it failed, in one line." })
  error?: string | null;

  @Field(() => Int, { nullable: true, description: "Bytes that the whole log will have." })
  logLength?: number | null;

  @Field(() => String, { nullable: true, description: "CRC-32 of the whole log: 8 lower-case hex digits." })
  logCrc32?: string | null;
}

@InputType("ReportTasksInput", { description: "Reports of a session, oldest first." })
export class ReportTasksInput {
  @Field(() => ID, { description: SESSION })
  session!: string;

  @Field(() => [TaskReportInput], { description: "The reports. At most 2,000." })
  reports!: TaskReportInput[];
}

@ObjectType("TaskReportResult", { description: "What became of one report." })
export class TaskReportResult {
  @Field(() => ID, { description: STEP_RUN })
  stepRunId!: string;

  @Field(() => Int, { description: FENCE })
  fence!: number;

  @Field(() => TaskReportKindEnum, { description: "What was reported." })
  kind!: "STARTED" | "FINISHED" | "RELEASED";

  @Field(() => ReportResultEnum, { description: "What became of it." })
  result!: ReportResult;
}

@ObjectType("ReportTasksPayload", { description: "What became of reports." })
export class ReportTasksPayload {
  @Field(() => [TaskReportResult], { description: "One for each report, in their order." })
  results!: TaskReportResult[];
}

@InputType("LogAppendInput", { description: "The next bytes of a task's log." })
export class LogAppendInput {
  @Field(() => ID, { description: STEP_RUN })
  stepRunId!: string;

  @Field(() => Int, { description: FENCE })
  fence!: number;

  @Field(() => Int, { defaultValue: 0, description: PART })
  part!: number;

  @Field(() => Int, { description: "Where the runner believes that the log ends, in bytes of UTF-8." })
  offset!: number;

  @Field(() => String, {
    description: "Whole records `<time> <stdout|stderr|system> <F|P> <text>`, each with its newline.",
  })
  data!: string;
}

@InputType("AppendLogsInput", { description: "Log of a session's tasks." })
export class AppendLogsInput {
  @Field(() => ID, { description: SESSION })
  session!: string;

  @Field(() => [LogAppendInput], { description: "The appends. At most 250." })
  appends!: LogAppendInput[];
}

@ObjectType("LogAppendResult", { description: "What became of one append." })
export class LogAppendResult {
  @Field(() => ID, { description: STEP_RUN })
  stepRunId!: string;

  @Field(() => Int, { description: FENCE })
  fence!: number;

  @Field(() => Int, { description: PART })
  part!: number;

  @Field(() => Int, { description: "Where the log ends now, in bytes." })
  offset!: number;

  @Field(() => LogAppendOutcomeEnum, { description: "What became of it." })
  result!: LogAppendOutcome;
}

@ObjectType("AppendLogsPayload", { description: "What became of appends." })
export class AppendLogsPayload {
  @Field(() => [LogAppendResult], { description: "One for each append, in their order." })
  results!: LogAppendResult[];
}

@InputType("SourceCommitInput", { description: "A commit of a run's source." })
export class SourceCommitInput {
  @Field(() => String, { description: "Its hash: 40 or 64 lower-case hex digits." })
  sha!: string;

  @Field(() => String, { description: "Its message, at most 4,000 characters." })
  message!: string;

  @Field(() => String, { description: "Name of its author, at most 500 characters." })
  author!: string;

  @Field(() => DateTime, { description: "When it was written." })
  at!: Date;
}

@InputType("PinRunSourceInput", { description: "The commit that a runner resolved a run's source to." })
export class PinRunSourceInput {
  @Field(() => ID, { description: SESSION })
  session!: string;

  @Field(() => ID, { description: "A step of the run that the session holds." })
  stepRunId!: string;

  @Field(() => Int, { description: FENCE })
  fence!: number;

  @Field(() => String, { description: "The commit: 40 or 64 lower-case hex digits." })
  commit!: string;

  @Field(() => String, { nullable: true, description: "The branch, where one is known." })
  branch?: string | null;

  @Field(() => String, { nullable: true, description: "The commit's message, where it is known." })
  message?: string | null;

  @Field(() => [SourceCommitInput], {
    nullable: true,
    description:
      "The commits since `previousCommit` of the answer to an earlier pin, newest first, where they are known. At most 100; the first list of a run stays.",
  })
  commits?: SourceCommitInput[] | null;
}

@ObjectType("PinRunSourcePayload", { description: "The commit that the run executes." })
export class PinRunSourcePayload {
  @Field(() => String, { description: "The commit that every host must use: the first pin wins." })
  commit!: string;

  @Field(() => String, {
    nullable: true,
    description: "The commit of the newest earlier run of the same workflow and branch.",
  })
  previousCommit!: string | null;
}
