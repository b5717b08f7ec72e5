import { describe, expect, it } from "vitest";
import { runTask, startTestRunner, task } from "./harness.ts";

const cases: readonly (readonly [what: string, run: string, output: object | null])[] = [
  [
    "lines of key=value",
    'printf "a=1\\nb.c-d= x=y \\n\\na=2\\n" > "$RUNCAST_OUTPUT"',
    { a: "2", "b.c-d": " x=y " },
  ],
  ["a JSON object", `echo '{"a": {"b": [1, null]}}' > "$RUNCAST_OUTPUT"`, { a: { b: [1, null] } }],
  ["nothing", "true", null],
  ["a removed file", 'rm "$RUNCAST_OUTPUT"', null],
];

const faults: readonly (readonly [what: string, run: string, error: string])[] = [
  [
    "a line without a key",
    'printf "a=1\\nnonsense\\n" > "$RUNCAST_OUTPUT"',
    "line 2 of the step's output is not",
  ],
  ["a JSON list", `echo '[1]' > "$RUNCAST_OUTPUT"`, "line 1 of the step's output is not"],
  ["broken JSON", `echo '{"a": ' > "$RUNCAST_OUTPUT"`, "the step's output is not valid JSON"],
  ["a NUL character", `echo '{"a": "\\u0000"}' > "$RUNCAST_OUTPUT"`, "the step's output holds a NUL"],
  ["half a character", `echo '{"a": "\\ud800"}' > "$RUNCAST_OUTPUT"`, "the step's output holds half"],
  [
    "deep nesting",
    `node -e 'console.log("{\\"a\\":" + "[".repeat(9e4) + "]".repeat(9e4) + "}")' > "$RUNCAST_OUTPUT"`,
    "the step's output is nested deeper",
  ],
  [
    "more than 1 MiB",
    `node -e 'console.log("a=" + "x".repeat(1024*1024))' > "$RUNCAST_OUTPUT"`,
    "the step's output is larger than",
  ],
  [
    "more than 1 MiB as JSON",
    `node -e 'console.log("a=" + "\\x01".repeat(300*1024))' > "$RUNCAST_OUTPUT"`,
    "the step's output is larger than",
  ],
  ["a link elsewhere", 'ln -sf /etc/hostname "$RUNCAST_OUTPUT"', "the step's output file cannot be read"],
  [
    "a pipe that nobody fills",
    'rm "$RUNCAST_OUTPUT"; mkfifo "$RUNCAST_OUTPUT"',
    "the step's output is not a regular file",
  ],
];

describe("a step's output file", () => {
  it("gives the step its outputs", async () => {
    const here = await startTestRunner();
    for (const [what, run, output] of cases) {
      const report = await runTask(here, task(run));
      expect(report, what).toMatchObject({ outcome: "SUCCEEDED", output });
    }
  });

  it("fails the step with a clear error when it cannot be taken", async () => {
    const here = await startTestRunner();
    for (const [what, run, error] of faults) {
      const report = await runTask(here, task(run));
      expect(report, what).toMatchObject({ outcome: "FAILED", exitCode: 0, output: null });
      expect(report.error, what).toContain(error);
    }
  });

  it("does not hide why a step failed", async () => {
    const here = await startTestRunner();
    const report = await runTask(here, task('echo nonsense > "$RUNCAST_OUTPUT"; exit 4'));
    expect(report).toMatchObject({ outcome: "FAILED", exitCode: 4, error: "exit code 4" });
    const kept = await runTask(here, task('echo a=1 > "$RUNCAST_OUTPUT"; exit 4'));
    expect(kept).toMatchObject({ outcome: "FAILED", output: { a: "1" } });
  });
});
