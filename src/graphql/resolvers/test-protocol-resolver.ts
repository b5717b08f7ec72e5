import { Arg, Ctx, Mutation, Resolver } from "type-graphql";
import { encodeId, placeOf, testPlaceOf } from "../../domain/ids.ts";
import type { DiscoveredTest, ReportedResult } from "../../domain/test-reports.ts";
import { isTestEnd } from "../../domain/tests.ts";
import { reportTests } from "../../orchestration/report-tests.ts";
import type { RequestContext } from "../context.ts";
import { badInput } from "../errors.ts";
import {
  type DiscoveredTestInput,
  ReportTestRunsInput,
  ReportTestRunsPayload,
  type TestResultInput,
} from "../types/test-protocol.ts";
import { shortened, storable, wellFormed } from "./read-report.ts";
import { sessionKey } from "./runner-resolver.ts";

const MAX_TESTS = 500;
const MAX_KEY = 500;
const MAX_NAME = 500;
const MAX_MESSAGE = 4_000;
const MAX_DETAILS = 64 * 1024;
const MAX_DURATION_MS = 1e12;

@Resolver()
export class TestProtocolResolver {
  @Mutation(() => ReportTestRunsPayload, {
    nullable: true,
    description:
      "Tests that a runner found, that have ended, and how many more it wants: one call at a time for a task. A call may be sent again when its answer got lost: everything counts once. Error SESSION_LOST when the session is over.",
  })
  async reportTestRuns(
    @Arg("input", () => ReportTestRunsInput, { description: "What happened." }) input: ReportTestRunsInput,
    @Ctx() { engine, runners, viewer }: RequestContext,
  ): Promise<ReportTestRunsPayload> {
    checkSizes(input);
    const session = sessionKey(input.session);
    await runners.check(viewer, session);
    const place = placeOf("StepRun", input.stepRunId);
    if (place === null) return { tests: [], aborts: [], open: 0, stale: true };
    const { runId, index: step } = place;
    const testIn = (id: string): number => testIndex(id, runId, step);
    const answer = await reportTests(engine, {
      session,
      accountId: viewer.accountId,
      runId,
      step,
      fence: input.fence,
      discovered: unique(input.discovered.map(readTest)),
      discoveryComplete: input.discoveryComplete,
      results: input.results.map((result) => readResult(result, testIn)),
      running: input.running.map(testIn),
      take: input.take,
    });
    const idOf = (test: number): string => encodeId("TestRun", runId, step, test);
    return {
      ...answer,
      tests: answer.tests.map(({ test, ...task }) => ({ ...task, id: idOf(test) })),
      aborts: answer.aborts.map(idOf),
    };
  }
}

function checkSizes({ discovered, results, running, take }: ReportTestRunsInput): void {
  for (const [name, { length }] of Object.entries({ discovered, results, running })) {
    if (length > MAX_TESTS) throw badInput(`\`${name}\` takes at most ${MAX_TESTS}`);
  }
  if (take < 0 || take > MAX_TESTS) throw badInput(`\`take\` must be between 0 and ${MAX_TESTS}`);
}

function readTest({ key, name, suite, file }: DiscoveredTestInput): DiscoveredTest {
  const known = wellFormed(storable(key));
  if (known === "" || known.length > MAX_KEY) throw badInput(`\`key\` must have 1 to ${MAX_KEY} characters`);
  return {
    key: known,
    name: shortened(name == null || name === "" ? known : name, MAX_NAME),
    suite: suite == null ? null : shortened(suite, MAX_NAME),
    file: file == null ? null : shortened(file, MAX_NAME),
  };
}

/** Of several with one key the last counts. */
function unique(tests: readonly DiscoveredTest[]): DiscoveredTest[] {
  return [...new Map(tests.map((test) => [test.key, test])).values()];
}

function readResult(input: TestResultInput, testIn: (id: string) => number): ReportedResult {
  const { testId, test, status, message, details, logPart, logLength, logCrc32 } = input;
  if ((testId == null) === (test == null)) throw badInput("a result needs either `testId` or `test`");
  if (!isTestEnd(status)) throw badInput("`status` of a result must be final");
  if (logPart != null && logPart < 1) throw badInput("`logPart` counts from 1");
  if (logLength != null && logLength < 0) throw badInput("`logLength` must not be negative");
  if (logCrc32 != null && !/^[0-9a-f]{8}$/.test(logCrc32)) {
    throw badInput("`logCrc32` must be 8 lower-case hex digits");
  }
  const result = {
    status,
    startedAt: input.startedAt ?? null,
    durationMs: input.durationMs == null ? null : Math.min(Math.max(input.durationMs, 0), MAX_DURATION_MS),
    exitCode: input.exitCode ?? null,
    message: message == null ? null : shortened(message, MAX_MESSAGE),
    details: details == null ? null : shortened(details, MAX_DETAILS),
    log: logPart == null ? null : { part: logPart, length: logLength ?? null, crc32: logCrc32 ?? null },
  };
  if (test != null) return { ...result, test: null, imported: readTest(test) };
  return { ...result, test: testIn(testId!), imported: null };
}

function testIndex(id: string, runId: string, step: number): number {
  const place = testPlaceOf(id);
  if (place?.runId !== runId || place.step !== step) {
    throw badInput(`\`${id.slice(0, 100)}\` is no test of the step`);
  }
  return place.index;
}
