/** A runner process whose waits a test chooses: like the real entry file, plus RUNCAST_TEST_TIMING. */
import { hostname } from "node:os";
import { createLineLogger } from "../../src/runner/logger.ts";
import { startRunner } from "../../src/runner/runner.ts";
import { readRunnerSettings } from "../../src/runner/settings.ts";
import type { RunnerTiming } from "../../src/runner/timing.ts";

const timing = JSON.parse(process.env["RUNCAST_TEST_TIMING"] ?? "{}") as Partial<RunnerTiming>;
const logger = createLineLogger((line) => process.stderr.write(line), false);
const settings = readRunnerSettings(process.env, hostname());
await (await startRunner({ ...settings, version: "0", logger, timing })).closed;
