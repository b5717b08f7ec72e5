import { rm, writeFile } from "node:fs/promises";
import type { Clock } from "../../domain/clock.ts";
import { stepCookie } from "../cookie.ts";
import { stepEnvironment } from "../environment.ts";
import { shellArguments } from "../execute.ts";
import { COOKIE_VARIABLE } from "../process-table.ts";
import type { GrantedTask, TestTaskSpec } from "../protocol.ts";
import type { TestLogs } from "./test-logs.ts";

/** What all commands of a test step share. */
export interface TestStep {
  readonly spec: TestTaskSpec;
  /** Program and options; the command is added. */
  readonly shell: readonly string[];
  readonly workspace: string;
  readonly token: string;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly logs: TestLogs;
  /** Where a command finds the keys of the tests that were asked for. */
  readonly testsFile: string;
  /** With a token of its own, what a command leaves can be told from what others of the step do. */
  environment(more?: Readonly<Record<string, string>>, ownToken?: string): Record<string, string>;
  removeFiles(): Promise<void>;
}

export interface TestStepOptions {
  readonly granted: GrantedTask;
  readonly spec: TestTaskSpec;
  readonly workspace: string;
  /** A file of the step's own outside of the workspace; others are made beside it. */
  readonly outputFile: string;
  readonly token: string;
  /** Where the runner reaches the API. */
  readonly apiUrl: string;
  readonly clock: Clock;
  readonly logs: TestLogs;
}

export async function prepareTestStep(options: TestStepOptions): Promise<TestStep> {
  const { granted, spec, workspace, outputFile, token, apiUrl, clock, logs } = options;
  const configurationFile = `${outputFile}.configuration.json`;
  const testsFile = `${outputFile}.tests`;
  await writeFile(configurationFile, JSON.stringify(spec.configuration), { mode: 0o600 });
  // Outputs of many tests at once would be nobody's.
  const { RUNCAST_OUTPUT: _, ...common } = stepEnvironment(
    granted,
    { workspace, outputFile, token, apiUrl },
    process.env,
  );
  const base = {
    ...common,
    RUNCAST_TEST_SUITE: spec.testSuite ?? "",
    RUNCAST_RELEASE_IDS: spec.releaseIds.join(","),
    RUNCAST_TEST_CONFIGURATION: configurationFile,
  };
  const cookie = stepCookie(token, process.env);
  return {
    spec,
    shell: shellArguments(granted.spec.shell),
    workspace,
    token,
    graceMs: granted.spec.graceMs,
    clock,
    logs,
    testsFile,
    environment: (more = {}, ownToken) => ({
      ...base,
      ...more,
      ...(ownToken !== undefined && { [COOKIE_VARIABLE]: `${cookie},${ownToken}` }),
    }),
    async removeFiles() {
      for (const file of [configurationFile, testsFile]) await rm(file, { force: true });
    },
  };
}
