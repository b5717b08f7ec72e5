import { z } from "zod";
import { TEST_REPORT_FORMATS, type TestReportSpec } from "../domain/definition.ts";
import { command, commandKeys } from "./command-steps.ts";
import { describeValue, oneOf } from "./messages.ts";
import { duration, list } from "./model-parts.ts";
import { artifactKeys, commonKeys, failureKeys, runnerKeys, typeKey } from "./step-parts.ts";
import { MAX_GLOB_LENGTH, refuseGlob } from "./workspace-glob.ts";

const FORMATS = TEST_REPORT_FORMATS.map((format) => format.toLowerCase());
const REPORT = new RegExp(`^(${FORMATS.join("|")}):(.*)$`, "s");
const MAX_REPORTS = 50;
const MAX_PARALLEL_TESTS = 64;

const report = z
  .string()
  .max(MAX_GLOB_LENGTH + 10)
  .meta({ pattern: REPORT.source });

const reports = z
  .union([report, list(report, { min: 1, max: MAX_REPORTS })], {
    error: ({ input }) =>
      `expected a report such as "junit:reports/*.xml", or a list of at most ${MAX_REPORTS} of them, got ${describeValue(input)}`,
  })
  .superRefine(checkReports);

function checkReports(written: string | readonly string[], context: z.RefinementCtx): void {
  const [first] = reportEntries(written);
  for (const [index, entry] of reportEntries(written).entries()) {
    const message = refuseReport(entry, first);
    const path = typeof written === "string" ? [] : [index];
    if (message !== null) context.addIssue({ code: "custom", path, message });
  }
}

function refuseReport(entry: ReportEntry, first: ReportEntry | undefined): string | null {
  const { text, format, glob } = entry;
  if (format === null) {
    return `${describeValue(text)} is not a report: write ${oneOf(FORMATS.map((name) => `${name}:GLOB`))}`;
  }
  const fault = refuseGlob(glob);
  if (fault !== null) return `the glob ${describeValue(glob)} ${fault}`;
  if (!first?.format || first.format === format) return null;
  return `all reports of a step have one format: the first is ${first.format}, this one ${format}`;
}

interface ReportEntry {
  readonly text: string;
  /** As it is written; null when there is none. */
  readonly format: string | null;
  readonly glob: string;
}

function reportEntries(written: string | readonly string[]): ReportEntry[] {
  return [written].flat().map((text) => {
    const [, format = null, glob = ""] = REPORT.exec(text) ?? [];
    return { text, format, glob };
  });
}

/** Of reports that were found to be in order. */
export function reportSpec(written: string | readonly string[]): TestReportSpec {
  const entries = reportEntries(written);
  const format = entries[0]!.format!.toUpperCase() as TestReportSpec["format"];
  return { format, globs: entries.map(({ glob }) => glob) };
}

/** What is said of single tests, which only a list of them makes known. */
const onlyWithDiscover = {
  parallel: z
    .int()
    .min(1)
    .max(MAX_PARALLEL_TESTS)
    .default(1)
    .meta({ description: "With `discover`, how many tests execute at once.", examples: [4] }),
  timeout: duration({ atLeastMs: 1 })
    .prefault("10m")
    .meta({
      description: "With `discover`, a test that takes longer is ended and has timed out.",
      examples: ["5m"],
    }),
};

export const KEYS_OF_DISCOVERED_TESTS = Object.keys(onlyWithDiscover);

export const testModel = z
  .strictObject({
    discover: command.optional().meta({
      description:
        "A command that prints the tests, an id or a JSON object a line, see [Tests](#tests). Exactly one of `discover` and `report`.",
      examples: ["./list-tests.sh"],
    }),
    run: command.meta({
      description:
        "With `discover`, the command of one test, which `$RUNCAST_TEST_ID` names; with `report`, the one that runs all of them. `${{ }}` is not allowed in it.",
      examples: ['./run-test.sh "$RUNCAST_TEST_ID"'],
    }),
    report: reports.optional().meta({
      description:
        "Format and glob of the report files that the command writes into the workspace, or a list of these; the formats are `junit` and `tap`.",
      examples: ["junit:reports/*.xml"],
    }),
    ...onlyWithDiscover,
    allowEmpty: z
      .boolean()
      .default(false)
      .meta({
        description: "Without a single test, the step succeeds instead of failing.",
        examples: [true],
      }),
  })
  .meta({
    description: "Where the tests come from and how they are executed.",
    examples: [{ run: "npm test", report: "junit:reports/*.xml" }],
    oneOf: [{ required: ["discover"] }, { required: ["report"] }],
    dependencies: Object.fromEntries(KEYS_OF_DISCOVERED_TESTS.map((key) => [key, ["discover"]])),
  });

export const testStep = z.strictObject({
  type: typeKey("test"),
  ...commonKeys,
  test: testModel,
  ...commandKeys,
  ...artifactKeys,
  ...failureKeys,
  timeout: duration({ atLeastMs: 1 })
    .prefault("1h")
    .meta({ description: "One try of all tests together that takes longer is ended.", examples: ["30m"] }),
  ...runnerKeys,
});
