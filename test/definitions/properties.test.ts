import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";
import type { StepDefinition, WorkflowDefinition } from "../../src/domain/definition.ts";
import { graphOf } from "../../src/domain/definition.ts";
import { definitions } from "./random-definitions.ts";

/** The file that a definition could have come from. */
function fileOf(definition: WorkflowDefinition): unknown {
  const { timeoutMs, inputs, env, stages, ...rest } = definition;
  return withoutNulls({
    ...rest,
    timeout: `${timeoutMs}ms`,
    inputs: Object.fromEntries(inputs.map(({ name, ...input }) => [name, input])),
    env: mapOf(env),
    stages: stages.map(({ name, steps }) => ({ name, steps: steps.map(stepOf) })),
  });
}

function stepOf({ ref, name, needs, when, type, ...step }: StepDefinition): unknown {
  const { continueOnError, patienceMs, run, http, child, test } = step;
  const common = { ref, name, needs, when, type: type.toLowerCase() };
  if (type === "DELAY") return { ...common, duration: `${step.delayMs}ms` };
  const failing = { ...common, continueOnError };
  if (child !== null) return { ...failing, ...child };
  const waiting = { ...failing, ...step.approval, timeout: patienceMs === null ? null : `${patienceMs}ms` };
  if (step.waitsFor !== "RUNNER") return waiting;
  const executed = { ...failing, ...executionOf(step), timeout: `${step.timeoutMs}ms` };
  const shell = { shell: step.shell, env: mapOf(step.env) };
  if (test !== null) return { ...executed, ...shell, test: testOf(test) };
  if (http === null) return { ...executed, ...shell, run };
  const { method, url, headers, json, expect } = http;
  const body = json ? JSON.parse(http.body!) : http.body;
  const codes = expect.map(({ from, to }) => (from === to ? from : `${from}-${to}`));
  return { ...executed, method, url, headers: mapOf(headers), body, expect: codes };
}

function testOf({ report, parallel, testTimeoutMs, ...rest }: NonNullable<StepDefinition["test"]>): object {
  if (report === null) return { ...rest, parallel, timeout: `${testTimeoutMs}ms` };
  return { ...rest, report: report.globs.map((glob) => `${report.format.toLowerCase()}:${glob}`) };
}

function executionOf({ queue, labels, retry }: Pick<StepDefinition, "queue" | "labels" | "retry">): object {
  const { attempts, factor, backoffMs, maxBackoffMs } = retry;
  const written = { attempts, factor, backoff: `${backoffMs}ms`, maxBackoff: `${maxBackoffMs}ms` };
  return { queue, labels, retry: written };
}

function mapOf(env: WorkflowDefinition["env"]): unknown {
  return Object.fromEntries(env.map(({ key, value }) => [key, value]));
}

function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, item) => item ?? undefined));
}

test("every definition can be written as a file, in YAML and in JSON, and read back", () => {
  const writers = fc.constantFrom(
    (file: unknown) => JSON.stringify(file),
    (file: unknown) => JSON.stringify(file, null, "\t"),
    (file: unknown) => stringify(file),
    (file: unknown) => stringify(file, { collectionStyle: "flow", lineWidth: 40 }),
    (file: unknown) => stringify(file, { defaultStringType: "QUOTE_SINGLE", indentSeq: false }),
  );
  fc.assert(
    fc.property(definitions, writers, (definition, write) => {
      const parsed = parseWorkflowFile(write(fileOf(definition)));
      expect(parsed.faults).toEqual([]);
      expect(parsed.definition).toEqual(definition);
      expect(parsed.graph).toEqual(graphOf(definition));
    }),
    { numRuns: 300 },
  );
});

const FRAGMENTS = [
  ..." \n\t:-[]{}\"'#&*!|>%@`$,?0a\0\uD800",
  "${{ ",
  " }}",
  "- ",
  "  ",
  ": ",
  "---\n",
  "&a ",
  "*a",
  "<<: ",
  "null",
  "ref: greet\n",
  "needs: [greet]\n",
  "\r\n",
];

test("a damaged file never throws, and its faults lie inside of it, in order", () => {
  const edit = fc.record({
    at: fc.nat({ max: 3_000 }),
    remove: fc.nat({ max: 20 }),
    insert: fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 3 }),
  });
  const original = readFileSync("examples/hello.yaml", "utf8");
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const text = edits.reduce((before, { at, remove, insert }) => {
        const from = at % (before.length + 1);
        return before.slice(0, from) + insert.join("") + before.slice(from + remove);
      }, original);
      const { definition, graph, faults } = parseWorkflowFile(text);
      expect([definition === null, graph === null]).toEqual(
        faults.length > 0 ? [true, true] : [false, false],
      );
      const lines = text.split("\n");
      for (const { line, column, message } of faults) {
        expect(message).not.toBe("");
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
      }
      const places = faults.map(({ line, column }) => line * 100_000 + column);
      expect(places).toEqual(places.toSorted((left, right) => left - right));
    }),
    { numRuns: 2_000 },
  );
});
