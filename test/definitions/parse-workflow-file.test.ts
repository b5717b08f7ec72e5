import { describe, expect, test } from "vitest";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";
import { withSteps } from "./marked.ts";

const DAY_MS = 86_400_000;

function definitionOf(text: string) {
  const { definition, faults } = parseWorkflowFile(text);
  expect(faults).toEqual([]);
  return definition!;
}

function without(...keys: string[]) {
  return Object.fromEntries(keys.map((key) => [key, null]));
}

describe("a definition", () => {
  test("has every default filled in", () => {
    expect(
      definitionOf(withSteps("{ ref: a, run: make }", "{ ref: b, type: delay, duration: 2m, needs: [a] }")),
    ).toEqual({
      name: "ci",
      description: null,
      inputs: [],
      env: [],
      source: null,
      timeoutMs: 7 * DAY_MS,
      maxParallelSteps: null,
      outputs: {},
      stages: [
        {
          name: "build",
          steps: [
            {
              ref: "a",
              name: null,
              type: "RUN",
              waitsFor: "RUNNER",
              needs: [],
              when: "on_success",
              continueOnError: false,
              retry: { attempts: 1, backoffMs: 1_000, factor: 2, maxBackoffMs: 300_000 },
              ...without("delayMs", "patienceMs", "approval", "http", "child", "test"),
              artifacts: [],
              queue: "default",
              labels: [],
              run: "make",
              shell: "sh -e",
              env: [],
              timeoutMs: 3_600_000,
            },
            {
              ref: "b",
              name: null,
              type: "DELAY",
              waitsFor: "DELAY",
              needs: ["a"],
              when: "on_success",
              continueOnError: false,
              retry: { attempts: 1, backoffMs: 0, factor: 1, maxBackoffMs: 0 },
              delayMs: 120_000,
              queue: "default",
              labels: [],
              ...without("patienceMs", "approval", "run", "http", "child", "test"),
              artifacts: [],
              shell: "",
              env: [],
              timeoutMs: 30 * DAY_MS,
            },
          ],
        },
      ],
    });
  });

  test("keeps every key", () => {
    const definition = definitionOf(`
name: My workflow 1.0
description: Says why
inputs:
  target: { type: choice, options: [all, some], default: all, description: What to make }
  level: { type: number, required: true }
env: { B: "2", A: "1" }
source: { git: "git@example.org:app.git", ref: feature/x }
timeout: 90s
maxParallelSteps: 3
outputs: { version: "\${{ steps.a.outputs.version }}" }
stages:
  - name: one
    steps:
      - ref: a
        name: Make it
        run: |
          make
          make install
        shell: bash -eu
        env: { X: "\${A}" }
        when: always
        continueOnError: true
        timeout: 500ms
        retry: { attempts: 20, backoff: 0s, factor: 1.5, maxBackoff: 1d }
        queue: gpu
        labels: [x64, linux, x64]
`);
    expect(definition).toMatchObject({
      name: "My workflow 1.0",
      description: "Says why",
      inputs: [
        {
          name: "target",
          type: "choice",
          default: "all",
          required: false,
          description: "What to make",
          options: ["all", "some"],
        },
        { name: "level", type: "number", default: null, required: true, description: null, options: null },
      ],
      env: [
        { key: "B", value: "2" },
        { key: "A", value: "1" },
      ],
      source: { git: "git@example.org:app.git", ref: "feature/x" },
      timeoutMs: 90_000,
      maxParallelSteps: 3,
      outputs: { version: "${{ steps.a.outputs.version }}" },
    });
    expect(definition.stages[0]?.steps[0]).toEqual({
      ref: "a",
      name: "Make it",
      type: "RUN",
      waitsFor: "RUNNER",
      needs: [],
      when: "always",
      continueOnError: true,
      retry: { attempts: 20, backoffMs: 0, factor: 1.5, maxBackoffMs: DAY_MS },
      ...without("delayMs", "patienceMs", "approval", "http", "child", "test"),
      artifacts: [],
      queue: "gpu",
      labels: ["linux", "x64"],
      run: "make\nmake install\n",
      shell: "bash -eu",
      env: [{ key: "X", value: "${A}" }],
      timeoutMs: 500,
    });
  });

  test("has variables as they are written, also behind aliases and in JSON", () => {
    const env = 'env: &e { A: 1.10, B: 0x1F, C: True, D: "07", E: 12345678901234567890, F: yes }';
    const { stages, env: top } = definitionOf(`${env}\n${withSteps("{ ref: a, run: make, env: *e }")}`);
    expect(top.map(({ value }) => value)).toEqual([
      "1.10",
      "0x1F",
      "True",
      "07",
      "12345678901234567890",
      "yes",
    ]);
    expect(stages[0]?.steps[0]?.env).toEqual(top);
    const json =
      '{"name":"ci","env":{"A":1.0},"stages":[{"name":"b","steps":[{"ref":"a","run":"x\\/\\ud83d\\ude80"}]}]}';
    expect(definitionOf(json)).toMatchObject({
      env: [{ value: "1.0" }],
      stages: [{ steps: [{ run: "x/\u{1F680}" }] }],
    });
  });

  test("can be stored as JSON", () => {
    const definition = definitionOf(withSteps("{ ref: a, run: make, env: { A: 1 } }"));
    expect(JSON.parse(JSON.stringify(definition))).toEqual(definition);
  });

  test.each([
    ["."],
    ["https://example.org/app.git"],
    ["ssh://git@example.org:2222/app.git"],
    ["file:///srv/git/app.git"],
    ["git@example.org:team/app.git"],
  ])("has the source %s", (git) => {
    expect(definitionOf(`source: { git: "${git}" }\n${withSteps("{ ref: a, run: make }")}`).source).toEqual({
      git,
      ref: null,
    });
  });
});

test("the graph has the steps of the definition", () => {
  const { graph } = parseWorkflowFile(
    withSteps("{ ref: a, run: make }", "{ ref: b, run: make, needs: [a] }"),
  );
  expect(graph?.steps.map(({ ref, needs, dependents }) => [ref, needs, dependents])).toEqual([
    ["a", [], [1]],
    ["b", [0], []],
  ]);
});
