import { execute } from "../execute.ts";
import type { ReportTestRunsPayload } from "../protocol-tests.ts";
import { failureOf } from "../task-result.ts";
import { Discovery } from "./discovery.ts";
import { count } from "./progress.ts";
import { NO_TIMEOUT_MS, type StepParts, type TestsEnd } from "./step-parts.ts";
import { TestExecutor } from "./test-executor.ts";

/** Finds the tests, unless the server knows them, and executes what it hands out. */
export async function runDiscovered(parts: StepParts): Promise<TestsEnd> {
  const { step, reporter, progress, stop, output, host, isAbandoned } = parts;
  const executor = new TestExecutor({ step, reporter, progress, stop, host });
  let first: ReportTestRunsPayload;
  if (step.spec.rediscover) {
    const found = await discover(parts);
    if (found.end !== null) return found.end;
    first = await reporter.sendDiscovered(found.tests, executor.firstTake);
  } else {
    first = await reporter.send({ take: executor.firstTake });
  }
  await executor.run(first);
  if (stop.mode !== null && !isAbandoned()) await executor.tellLast();
  output.note(progress.summary());
  return {};
}

type Found = { readonly end: TestsEnd } | ({ readonly end: null } & Pick<Discovery, "tests">);

async function discover({ step, stop, output, host }: StepParts): Promise<Found> {
  const { spec, workspace, token, graceMs } = step;
  const discovery = new Discovery();
  const argv = [...step.shell, spec.discover!];
  const end = await execute(
    { argv, cwd: workspace, env: step.environment(), token, timeoutMs: NO_TIMEOUT_MS, graceMs },
    stop,
    {
      ...output,
      // The list is for the server; whoever reads the log wants to see what went wrong.
      write: (stream, chunk) => (stream === "stdout" ? discovery.write(chunk) : output.write(stream, chunk)),
    },
    host,
  );
  discovery.end();
  const { exitCode } = end;
  const failed = (error: string) => ({
    end: { exitCode, error: `discovery failed: ${error}`, struckDown: end.signal !== null },
  });
  if (end.cause !== "ITSELF") return { end: { exitCode } };
  const failure = failureOf(end);
  if (failure !== null) return failed(failure);
  if (discovery.error !== null) return failed(discovery.error.message);
  const { tests, repeated } = discovery;
  output.note(`discovered ${count(tests.length)} ${tests.length === 1 ? "test" : "tests"}`);
  if (repeated > 0) output.note(`ignored ${count(repeated)} that were named before`);
  return { end: null, tests };
}
