import { Field, InputType, ObjectType } from "type-graphql";
import type { TestEnd } from "../../domain/tests.ts";
import { DateTime, Float, ID, Int } from "../scalars.ts";
import { TestRunStatusEnum } from "../test-enums.ts";

/** The part of the runners' protocol that is about tests. */

@InputType("DiscoveredTestInput", { description: "A test that discovery or a report names." })
export class DiscoveredTestInput {
  @Field(() => String, { description: "Its key, 1 to 500 characters: the same in every run." })
  key!: string;

  @Field(() => String, {
    nullable: true,
    description: "Name to show; default: the key. Cut at 500 characters.",
  })
  name?: string | null;

  @Field(() => String, { nullable: true, description: "The suite it is part of. Cut at 500 characters." })
  suite?: string | null;

  @Field(() => String, { nullable: true, description: "The file it stands in. Cut at 500 characters." })
  file?: string | null;
}

@InputType("TestResultInput", {
  description: "How one execution of a test ended: exactly one of `testId` and `test` says of which.",
})
export class TestResultInput {
  @Field(() => ID, { nullable: true, description: "The test, as it was handed out." })
  testId?: string | null;

  @Field(() => DiscoveredTestInput, {
    nullable: true,
    description: "The test, as a report names it; it becomes a test of the step when it is not one yet.",
  })
  test?: DiscoveredTestInput | null;

  @Field(() => TestRunStatusEnum, { description: "How it ended: neither QUEUED nor RUNNING." })
  status!: TestEnd;

  @Field(() => DateTime, { nullable: true, description: "When it started; null = when it was handed out." })
  startedAt?: Date | null;

  @Field(() => Float, { nullable: true, description: "Milliseconds that it took." })
  durationMs?: number | null;

  @Field(() => Int, { nullable: true, description: "The command's exit code; null when it had none." })
  exitCode?: number | null;

  @Field(() => String, { nullable: true, description: "One paragraph. Cut at 4,000 characters." })
  message?: string | null;

  @Field(() => String, { nullable: true, description: "A stack trace and the like. Cut at 64 KiB." })
  details?: string | null;

  @Field(() => Int, { nullable: true, description: "Which part of the lease's logs is its own, from 1." })
  logPart?: number | null;

  @Field(() => Int, { nullable: true, description: "How long that log will be in the end, in bytes." })
  logLength?: number | null;

  @Field(() => String, { nullable: true, description: "CRC-32 of it, 8 lower-case hex digits." })
  logCrc32?: string | null;
}

@InputType("ReportTestRunsInput", { description: "What a runner says of the tests of a step that it holds." })
export class ReportTestRunsInput {
  @Field(() => ID, { description: "The runner's session, from `registerRunner`." })
  session!: string;

  @Field(() => ID, { description: "The step." })
  stepRunId!: string;

  @Field(() => Int, { description: "Number of the lease, as the task carried it." })
  fence!: number;

  @Field(() => [DiscoveredTestInput], {
    defaultValue: [],
    description: "Tests that were found. At most 500.",
  })
  discovered!: DiscoveredTestInput[];

  @Field(() => Boolean, {
    defaultValue: false,
    description: "All tests were named, here or before under this lease: others of the step are gone.",
  })
  discoveryComplete!: boolean;

  @Field(() => [TestResultInput], { defaultValue: [], description: "Tests that have ended. At most 500." })
  results!: TestResultInput[];

  @Field(() => [ID], {
    defaultValue: [],
    description:
      "Tests that the runner executes at this moment, `results` not among them. Others that were handed out to it are queued again.",
  })
  running!: string[];

  @Field(() => Int, { defaultValue: 0, description: "How many more tests the runner wants, 0 to 500." })
  take!: number;
}

@ObjectType("TestTask", { description: "A test that the runner is to execute." })
export class TestTask {
  @Field(() => ID, { description: "The test." })
  id!: string;

  @Field(() => String, { description: "Its key." })
  key!: string;

  @Field(() => String, { description: "Its name." })
  name!: string;

  @Field(() => String, { nullable: true, description: "Its suite, where that is known." })
  suite!: string | null;

  @Field(() => String, { nullable: true, description: "Its file, where that is known." })
  file!: string | null;

  @Field(() => Int, { description: "Counts the executions of the test in its run, from 1." })
  attempt!: number;
}

@ObjectType("ReportTestRunsPayload", { description: "What the runner has to do next." })
export class ReportTestRunsPayload {
  @Field(() => [TestTask], { description: "Tests that it is to execute now." })
  tests!: TestTask[];

  @Field(() => [ID], { description: "Tests that it executes and is to stop." })
  aborts!: string[];

  @Field(() => Int, { description: "Tests of the step that are QUEUED or RUNNING now." })
  open!: number;

  @Field(() => Boolean, {
    description: "The step is not the session's any more: kill everything, and report nothing.",
  })
  stale!: boolean;
}
