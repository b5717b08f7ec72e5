import type { EnvVar, StepDefinition } from "../domain/definition.ts";
import { MAX_DURATION_MS } from "./duration.ts";
import { bodyText, statusRange } from "./http-step.ts";
import type { SourceNode } from "./source-tree.ts";
import { reportSpec } from "./test-step.ts";
import type { WorkflowModel } from "./workflow-model.ts";

type StepModel = WorkflowModel["stages"][number]["steps"][number];
type StepOf<Type extends StepModel["type"]> = Extract<StepModel, { type: Type }>;
type Built<Key extends keyof StepDefinition> = Pick<StepDefinition, Key>;

/** What a step has whose type knows no such thing, so that every step can be read alike. */
const NOTHING = {
  continueOnError: false,
  retry: { attempts: 1, backoffMs: 0, factor: 1, maxBackoffMs: 0 },
  delayMs: null,
  patienceMs: null,
  approval: null,
  queue: "default",
  labels: [],
  run: null,
  http: null,
  child: null,
  test: null,
  artifacts: [],
  shell: "",
  env: [],
  timeoutMs: MAX_DURATION_MS,
} as const;

const DEFAULT_TIMEOUT_MS = 3_600_000;

/** A checked step in its stored form. The source is asked how the values of variables were written. */
export function buildStep(step: StepModel, source: SourceNode | undefined): StepDefinition {
  const { ref, name = null, needs, when } = step;
  return { ref, name, needs, when, ...NOTHING, ...ownPart(step, source) };
}

type OwnPart = Built<"type" | "waitsFor"> & Partial<StepDefinition>;

function ownPart(step: StepModel, source: SourceNode | undefined): OwnPart {
  switch (step.type) {
    case "run":
      return { type: "RUN", waitsFor: "RUNNER", ...commandOf(step, step.run, step.timeout, source) };
    case "build":
      return buildPart(step, source);
    case "test":
      return testPart(step, source);
    case "http":
      return { type: "HTTP", waitsFor: "RUNNER", ...requestOf(step, source), ...executionOf(step) };
    case "approval":
      return approvalPart(step);
    case "external": {
      const { continueOnError, timeout: patienceMs = null } = step;
      return { type: "EXTERNAL", waitsFor: "EXTERNAL", continueOnError, patienceMs };
    }
    case "workflow":
      return { type: "WORKFLOW", waitsFor: "CHILD_RUN", ...childOf(step, source) };
    case "delay":
      return { type: "DELAY", waitsFor: "DELAY", delayMs: step.duration };
  }
}

function buildPart(step: StepOf<"build">, source: SourceNode | undefined): OwnPart {
  const { run, timeout, continueOnError } = step;
  if (run === undefined) {
    return { type: "BUILD", waitsFor: "EXTERNAL", continueOnError, patienceMs: timeout ?? null };
  }
  return {
    type: "BUILD",
    waitsFor: "RUNNER",
    ...commandOf(step, run, timeout ?? DEFAULT_TIMEOUT_MS, source),
  };
}

function testPart(step: StepOf<"test">, source: SourceNode | undefined): OwnPart {
  const { discover = null, run, report, parallel, timeout: testTimeoutMs, allowEmpty } = step.test;
  const reported = report === undefined ? null : reportSpec(report);
  return {
    type: "TEST",
    waitsFor: "RUNNER",
    ...executionOf(step),
    ...shellOf(step, source),
    artifacts: step.artifacts,
    timeoutMs: step.timeout,
    test: { discover, run, report: reported, parallel, testTimeoutMs, allowEmpty },
  };
}

function approvalPart({ quorum, approvers, selfApproval, prompt, ...step }: StepOf<"approval">): OwnPart {
  return {
    type: "APPROVAL",
    waitsFor: "APPROVAL",
    continueOnError: step.continueOnError,
    patienceMs: step.timeout ?? null,
    approval: { quorum, approvers: approvers ?? null, selfApproval, prompt: prompt ?? null },
  };
}

function commandOf(
  step: StepOf<"run" | "build">,
  run: string,
  timeoutMs: number,
  source: SourceNode | undefined,
): Built<"run" | "artifacts" | "shell" | "env" | "timeoutMs" | keyof ReturnType<typeof executionOf>> {
  const { artifacts } = step;
  return { run, artifacts, timeoutMs, ...shellOf(step, source), ...executionOf(step) };
}

function shellOf(
  step: StepOf<"run" | "build" | "test">,
  source: SourceNode | undefined,
): Built<"shell" | "env"> {
  return { shell: step.shell, env: writtenMap(step.env, source, "env") };
}

function executionOf({ continueOnError, retry, queue, labels }: StepOf<"run" | "build" | "test" | "http">) {
  const { attempts, backoff, factor, maxBackoff } = retry;
  return {
    continueOnError,
    retry: { attempts, backoffMs: backoff, factor, maxBackoffMs: maxBackoff },
    queue,
    // Labels are a set: equal ones must look alike to whoever groups steps by them.
    labels: [...new Set(labels)].sort(),
  };
}

function requestOf(step: StepOf<"http">, source: SourceNode | undefined): Built<"http" | "timeoutMs"> {
  const { method, url, body } = step;
  const http = {
    method,
    url,
    headers: writtenMap(step.headers, source, "headers"),
    body: body === undefined ? null : bodyText(body),
    json: body !== undefined && typeof body !== "string",
    expect: step.expect.map(statusRange),
  };
  return { http, timeoutMs: step.timeout };
}

function childOf(
  { workflow, inputs, continueOnError }: StepOf<"workflow">,
  source: SourceNode | undefined,
): Built<"child" | "continueOnError"> {
  const values = writtenMap(inputs, source, "inputs").map(({ key, value }) => [key, value]);
  return { child: { workflow, inputs: Object.fromEntries(values) }, continueOnError };
}

/** Values as they stand in the file: `1.10` stays `1.10`. */
export function writtenMap(map: WorkflowModel["env"], owner: SourceNode | undefined, key: string): EnvVar[] {
  const sources = owner?.entries?.get(key)?.node.entries;
  return Object.entries(map).map(([key, value]) => ({
    key,
    value: sources?.get(key)?.node.written ?? String(value),
  }));
}
