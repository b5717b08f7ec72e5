import { writeFile } from "node:fs/promises";
import { type CommandEnd, execute } from "../execute.ts";
import { MAX_TESTS_A_CALL, type TestTask } from "../protocol-tests.ts";
import { failureOf } from "../task-result.ts";
import { type Addressing, byKey, ReportImport } from "./import-reports.ts";
import { removeReports } from "./report-files.ts";
import { NO_TIMEOUT_MS, type StepParts, type TestsEnd } from "./step-parts.ts";
import { NO_LOG } from "./test-logs.ts";

/** Runs the one command of all tests and imports the reports that it writes. */
export async function runReporting(parts: StepParts): Promise<TestsEnd> {
  const { step, reporter, output } = parts;
  const { spec, workspace } = step;
  const asked = spec.rediscover ? null : await takeAll(parts);
  if (asked?.size === 0) return {};
  await writeFile(step.testsFile, asked === null ? "" : [...asked.keys(), ""].join("\n"));
  const removed = await removeReports(workspace, spec.report!.globs);
  if (removed > 0) output.note(`removed ${removed} ${removed === 1 ? "report" : "reports"} of before`);
  const end = await runCommand(parts);
  if (end.cause !== "ITSELF") return { exitCode: end.exitCode };
  const reports = await importReports(parts, asked);
  if (asked === null && reports.faults.length === 0) await reporter.send({ discoveryComplete: true });
  return { exitCode: end.exitCode, ...conclude(parts, end, reports), struckDown: end.signal !== null };
}

/** The server's tests by key; from now on they are this runner's to tell about. */
async function takeAll({ reporter }: StepParts): Promise<Map<string, TestTask>> {
  const taken = new Map<string, TestTask>();
  for (;;) {
    const running = [...taken.values()].map(({ id }) => id);
    const { tests } = await reporter.send({ running, take: MAX_TESTS_A_CALL });
    if (tests.length === 0) return taken;
    for (const test of tests) taken.set(test.key, test);
  }
}

async function runCommand({ step, stop, output, host }: StepParts): Promise<CommandEnd> {
  const { spec, workspace, token, graceMs } = step;
  const argv = [...step.shell, spec.run];
  const env = step.environment({ RUNCAST_TESTS_FILE: step.testsFile });
  return await execute(
    { argv, cwd: workspace, env, token, timeoutMs: NO_TIMEOUT_MS, graceMs },
    stop,
    output,
    host,
  );
}

async function importReports(parts: StepParts, asked: Map<string, TestTask> | null): Promise<ReportImport> {
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
  await reports.run();
  const nothing = { startedAt: null, durationMs: null, exitCode: null, details: null, ...NO_LOG };
  for (const { id, key } of untold.values()) {
    untold.delete(key);
    const missing = { status: "ERRORED", message: "the report does not have this test" } as const;
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
