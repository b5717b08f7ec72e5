import { describe, expect, test } from "vitest";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";
import { describeFaults } from "./fault-cases.ts";
import { withSteps } from "./marked.ts";

function stepOf(keys: string) {
  const { definition, faults } = parseWorkflowFile(withSteps(`{ ref: a, type: test, ${keys} }`));
  expect(faults).toEqual([]);
  return definition!.stages[0]!.steps[0]!;
}

describe("a test step", () => {
  test("that discovers its tests, with its defaults and with every key", () => {
    expect(stepOf('test: { discover: ./list, run: ./run "$RUNCAST_TEST_ID" }')).toMatchObject({
      type: "TEST",
      waitsFor: "RUNNER",
      run: null,
      shell: "sh -e",
      timeoutMs: 3_600_000,
      test: {
        discover: "./list",
        run: './run "$RUNCAST_TEST_ID"',
        report: null,
        parallel: 1,
        testTimeoutMs: 600_000,
        allowEmpty: false,
      },
    });
    const step = stepOf(
      "test: { discover: ./list, run: ./run, parallel: 64, timeout: 5s, allowEmpty: true }, env: { A: 1.0 }, shell: bash, timeout: 2h, retry: { attempts: 2 }, queue: gpu, labels: [b, a], continueOnError: true",
    );
    expect(step).toMatchObject({
      test: { parallel: 64, testTimeoutMs: 5_000, allowEmpty: true },
      env: [{ key: "A", value: "1.0" }],
      shell: "bash",
      timeoutMs: 7_200_000,
      retry: { attempts: 2 },
      queue: "gpu",
      labels: ["a", "b"],
      continueOnError: true,
    });
  });

  test("that imports a report, or several of one format", () => {
    expect(stepOf('test: { run: make, report: "junit:reports/*.xml" }').test).toMatchObject({
      discover: null,
      report: { format: "JUNIT", globs: ["reports/*.xml"] },
    });
    expect(stepOf('test: { run: make, report: ["tap:a.tap", "tap:b/**"] }').test).toMatchObject({
      report: { format: "TAP", globs: ["a.tap", "b/**"] },
    });
  });
});

const step = (keys: string) => withSteps(`{ ref: a, type: test, ${keys} }`);
const PATH = "stages[0].steps[0].test";

describeFaults("faults of test steps", {
  "none and both of discover and report": [
    withSteps(
      "{ ref: a, type: test, test: { §run: x } }",
      '{ ref: b, type: test, test: { run: x, discover: y, §report: "tap:z" } }',
    ),
    [`${PATH}.run`, 'give "discover", which lists the tests, or the "report" that the command writes'],
    [
      "stages[0].steps[1].test.report",
      'tests come from "discover" or from a "report": remove one of the two',
    ],
  ],
  "keys of single tests with a report": [
    step('test: { run: x, report: "tap:z", §parallel: 2, §timeout: 1s }'),
    [
      `${PATH}.parallel`,
      '"parallel" is about tests that "discover" lists; a step with a "report" runs one command',
    ],
    [
      `${PATH}.timeout`,
      '"timeout" is about tests that "discover" lists; a step with a "report" runs one command',
    ],
  ],
  "what is missing and what is too much": [
    withSteps(
      "§{ ref: a, type: test }",
      "{ ref: b, type: test, test: { discover: x, run: y, parallel: §65, §paralel: 2 } }",
      "{ ref: c, §test: { discover: x, run: y }, run: z }",
    ),
    ["stages[0].steps[0].test", '"test" is required'],
    ["stages[0].steps[1].test.parallel", "must be at most 64"],
    ["stages[0].steps[1].test.paralel", 'unknown key "paralel"; did you mean "parallel"?'],
    ["stages[0].steps[2].test", '"test" belongs to steps of type "test"; this one has type "run"'],
  ],
  "reports that are none": [
    withSteps(
      ...["§xml:a", "§'junit:'", "['junit:a', §'tap:b', §'junit:../c', §'junit:/d']", "§7"].map(
        (report, index) => `{ ref: s${index}, type: test, test: { run: x, report: ${report} } }`,
      ),
    ),
    [reportOf(0), '"xml:a" is not a report: write "junit:GLOB" or "tap:GLOB"'],
    [reportOf(1), 'the glob "" is empty'],
    [`${reportOf(2)}[1]`, "all reports of a step have one format: the first is junit, this one tap"],
    [`${reportOf(2)}[2]`, 'the glob "../c" leads out of the workspace'],
    [`${reportOf(2)}[3]`, 'the glob "/d" is absolute'],
    [
      reportOf(3),
      'expected a report such as "junit:reports/*.xml", or a list of at most 50 of them, got the number 7',
    ],
  ],
  "expressions in its commands": [
    step('test: { discover: "§${{ inputs.x }}", run: "§${{ inputs.x }}" }, env: {}').replace(
      "name: ci",
      "name: ci\ninputs: { x: {} }",
    ),
    [`${PATH}.discover`, 'expressions are not allowed in commands: use the variable of the input, "$X"'],
    [`${PATH}.run`, 'expressions are not allowed in commands: use the variable of the input, "$X"'],
  ],
});

function reportOf(index: number): string {
  return `stages[0].steps[${index}].test.report`;
}
