import { writeFile } from "node:fs/promises";
import { type CommandEnd, execute } from "../execute.ts";
import { MAX_TESTS_A_CALL, type TestTask } from "../protocol-tests.ts";
import { StopRequest } from "../stop-request.ts";
import { failureOf } from "../task-result.ts";
import { type Addressing, byKey, ReportImport } from "./import-reports.ts";
import { removeReports } from "./report-files.ts";
import { NO_TIMEOUT_MS, type StepParts, type TestsEnd } from "./step-parts.ts";
import { NO_LOG } from "./test-logs.ts";
import { watchAborts } from "./watch-aborts.ts";

/** Runs the one command of all tests and imports the reports that it writes. */
export async function runReporting(parts: StepParts): Promise<TestsEnd> {
  const { step, reporter, output } = parts;
  const { spec, workspace } = step;
  const asked = spec.rediscover ? null : await takeTests(parts);
  if (asked?.size === 0) return {};
  await writeFile(step.testsFile, asked === null ? "" : [...asked.keys(), ""].join("\n"));
  const removed = await removeReports(workspace, spec.report!.globs);
  if (removed > 0) output.note(`removed ${removed} ${removed === 1 ? "report" : "reports"} of before`);
  const end = await runCommand(parts, [...(asked?.values() ?? [])]);
  if (parts.stop.mode !== null) return { exitCode: end.exitCode };
  const aborted = end.cause === "STOPPED";
  const reports = await importReports(parts, asked, aborted);
  if (aborted) return { exitCode: end.exitCode };
  if (asked === null && reports.faults.length === 0) await reporter.send({ discoveryComplete: true });
  return { exitCode: end.exitCode, ...conclude(parts, end, reports), struckDown: end.signal !== null };
}

/**
 * The server's tests by key; from now on they are this runner's to tell about. No more than a call can name: for what
 * is left the server leases the step again.
 */
async function takeTests({ reporter }: StepParts): Promise<Map<string, TestTask>> {
  const { tests } = await reporter.send({ take: MAX_TESTS_A_CALL });
  return new Map(tests.map((test) => [test.key, test]));
}

/** @param asked tests that can be aborted while it runs */
async function runCommand(parts: StepParts, asked: readonly TestTask[]): Promise<CommandEnd> {
  const { step, reporter, stop, output, host } = parts;
  const { spec, workspace, token, graceMs } = step;
  const argv = [...step.shell, spec.run];
  const env = step.environment({ RUNCAST_TESTS_FILE: step.testsFile });
  const command = { argv, cwd: workspace, env, token, timeoutMs: NO_TIMEOUT_MS, graceMs };
  if (asked.length === 0) return await execute(command, stop, output, host);
  const own = new StopRequest();
  const unsubscribe = stop.subscribe((mode) => own.order(mode));
  const ended = new AbortController();
  const ids = asked.map(({ id }) => id);
  const [end, watch] = await Promise.allSettled([
    execute(command, own, output, host).finally(() => ended.abort()),
    watchAborts(reporter, ids, own, ended.signal),
  ]);
  unsubscribe();
  if (watch.status === "rejected") throw watch.reason;
  if (end.status === "rejected") throw end.reason;
  return end.value;
}

/** @param aborted nobody wants to know of them any more */
async function importReports(
  parts: StepParts,
  asked: Map<string, TestTask> | null,
  aborted: boolean,
): Promise<ReportImport> {
  const { step, reporter, progress, output, stop } = parts;
  const untold = new Map(asked);
  const address: Addressing = (test) => {
    if (asked === null) return byKey(test);
    const task = untold.get(test.key);
    if (task === undefined) return null;
    untold.delete(test.key);
    return { testId: task.id };
  };
  const running = () => [...untold.values()].map(({ id }) => id);
  const reports = new ReportImport({
    step,
    reporter,
    progress,
    output,
    address,
    running,
    signal: stop.signal,
  });
  if (!aborted) await reports.run();
  const missing = aborted
    ? ({ status: "CANCELED", message: "stopped" } as const)
    : ({ status: "ERRORED", message: "the report does not have this test" } as const);
  const nothing = { startedAt: null, durationMs: null, exitCode: null, details: null, ...NO_LOG };
  for (const { id, key } of untold.values()) {
    untold.delete(key);
    progress.ended({ key }, missing);
    await reports.add({ testId: id, ...missing, ...nothing });
  }
  await reports.finish();
  return reports;
}

function conclude({ step, progress, output }: StepParts, end: CommandEnd, reports: ReportImport): TestsEnd {
  const failure = failureOf(end);
  output.note(progress.summary());
  const [fault] = reports.faults;
  if (fault !== undefined) {
    for (const each of reports.faults) output.note(each);
    const more = reports.faults.length - 1;
    return { error: more === 0 ? fault : `${fault} (and ${more} more ${more === 1 ? "report" : "reports"})` };
  }
  if (reports.files === 0) {
    const missing = `no file matches ${step.spec.report!.globs.join(", ")}`;
    return { error: failure === null ? missing : `${failure}, and ${missing}` };
  }
  if (failure === null) return {};
  if (end.exitCode === null) return { error: failure };
  return progress.failures > 0 ? {} : { error: `${failure}, though no test of the report failed` };
}
