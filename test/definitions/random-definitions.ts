import fc from "fast-check";
import type { StepDefinition, WorkflowDefinition } from "../../src/domain/definition.ts";

const MAX_MS = 30 * 86_400_000;

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,20}$/);
const variable = fc.stringMatching(/^V_[A-Za-z0-9_]{0,8}$/);
const text = fc
  .string({ unit: "binary", maxLength: 30 })
  .filter((value) => !value.includes("\0") && !value.includes("${{"));
const filledText = text.filter((value) => value.length > 0);
const duration = fc.integer({ min: 1, max: MAX_MS });
const environment = fc
  .uniqueArray(variable, { maxLength: 4 })
  .chain((keys) => fc.tuple(...keys.map((key) => fc.record({ key: fc.constant(key), value: text }))));

const common = {
  name: fc.option(filledText, { nil: null }),
  when: fc.constantFrom("on_success", "on_failure", "always"),
} as const;

/** What a step has that its type does not know of. */
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
  timeoutMs: MAX_MS,
} as const;

type Draft = Omit<StepDefinition, "ref" | "needs">;
type Kind = Pick<StepDefinition, "type" | "waitsFor">;

function stepOf(kind: Kind, own: { [Key in keyof Draft]?: fc.Arbitrary<Draft[Key]> }): fc.Arbitrary<Draft> {
  return fc
    .record<object>({ ...common, ...own })
    .map((values) => ({ ...NOTHING, ...kind, ...values }) as unknown as Draft);
}

const failure = { continueOnError: fc.boolean() };
const patience = { ...failure, patienceMs: fc.option(duration, { nil: null }) };

const execution = {
  ...failure,
  retry: fc
    .record({
      attempts: fc.integer({ min: 1, max: 20 }),
      waits: fc.tuple(duration, duration),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
    })
    .map(({ waits, ...rest }) => ({
      ...rest,
      backoffMs: Math.min(...waits),
      maxBackoffMs: Math.max(...waits),
    })),
  queue: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,10}$/),
  labels: fc
    .uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9._:/=-]{0,10}$/), { maxLength: 3 })
    .map((list) => list.sort()),
  timeoutMs: duration,
};

const shell = { shell: fc.constantFrom("sh -e", "bash -euo pipefail"), env: environment };

const command = { ...execution, ...shell, run: filledText };

const glob = fc.stringMatching(/^[a-z*{][a-z*{}?[\]/-]{0,10}$/);
const tests = fc.oneof(
  fc.record({
    discover: filledText,
    run: filledText,
    report: fc.constant(null),
    parallel: fc.integer({ min: 1, max: 64 }),
    testTimeoutMs: duration,
    allowEmpty: fc.boolean(),
  }),
  fc.record({
    discover: fc.constant(null),
    run: filledText,
    report: fc.record({
      format: fc.constantFrom("JUNIT" as const, "TAP" as const),
      globs: fc.array(glob, { minLength: 1, maxLength: 3 }),
    }),
    parallel: fc.constant(1),
    testTimeoutMs: fc.constant(600_000),
    allowEmpty: fc.boolean(),
  }),
);

const status = fc.integer({ min: 100, max: 599 });

const request = fc
  .record({
    method: fc.constantFrom("GET", "POST", "DELETE"),
    url: fc.constantFrom("https://example.org/a?b=c", "HTTP://[::1]:8080"),
    headers: environment,
    value: fc.option(fc.oneof(text, fc.record({ a: fc.array(text), b: fc.integer() })), { nil: null }),
    expect: fc.array(
      fc.tuple(status, status).map((range) => ({ from: Math.min(...range), to: Math.max(...range) })),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ value, ...rest }) => {
    const json = typeof value === "object" && value !== null;
    return { ...rest, json, body: json ? JSON.stringify(value) : value };
  });

const policy = fc.record({
  quorum: fc.integer({ min: 1, max: 3 }),
  approvers: fc.option(fc.uniqueArray(filledText, { minLength: 3, maxLength: 5 }), { nil: null }),
  selfApproval: fc.boolean(),
  prompt: fc.option(filledText, { nil: null }),
});

const anyStep = fc.oneof(
  stepOf({ type: "RUN", waitsFor: "RUNNER" }, command),
  stepOf({ type: "BUILD", waitsFor: "RUNNER" }, command),
  stepOf({ type: "BUILD", waitsFor: "EXTERNAL" }, patience),
  stepOf({ type: "TEST", waitsFor: "RUNNER" }, { ...execution, ...shell, test: tests }),
  stepOf({ type: "HTTP", waitsFor: "RUNNER" }, { ...execution, http: request }),
  stepOf({ type: "APPROVAL", waitsFor: "APPROVAL" }, { ...patience, approval: policy }),
  stepOf({ type: "EXTERNAL", waitsFor: "EXTERNAL" }, patience),
  stepOf(
    { type: "WORKFLOW", waitsFor: "CHILD_RUN" },
    {
      ...failure,
      child: fc.record({
        workflow: name,
        inputs: fc.dictionary(variable, text, { maxKeys: 3, noNullPrototype: true }),
      }),
    },
  ),
  stepOf({ type: "DELAY", waitsFor: "DELAY" }, { delayMs: duration }),
);

const input = fc.oneof(
  fc.record({
    type: fc.constant("string" as const),
    default: fc.option(text, { nil: null }),
    options: fc.constant(null),
  }),
  fc.record({
    type: fc.constant("number" as const),
    default: fc.option(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      { nil: null },
    ),
    options: fc.constant(null),
  }),
  fc.record({
    type: fc.constant("boolean" as const),
    default: fc.option(fc.boolean(), { nil: null }),
    options: fc.constant(null),
  }),
  fc.uniqueArray(filledText, { minLength: 1, maxLength: 3 }).chain((options) =>
    fc.record({
      type: fc.constant("choice" as const),
      default: fc.option(fc.constantFrom(...options), { nil: null }),
      options: fc.constant(options),
    }),
  ),
);

const inputs = fc
  .uniqueArray(variable, { maxLength: 3, selector: (key) => key.toUpperCase() })
  .chain((names) =>
    fc.tuple(
      ...names.map((key) =>
        fc
          .record({ input, description: fc.option(text, { nil: null }), required: fc.boolean() })
          .map(({ input, description, required }) => ({
            name: key,
            ...input,
            description,
            required: required && input.default === null,
          })),
      ),
    ),
  );

/** Needs point backwards, so every graph is sound. */
const stages = fc
  .uniqueArray(name, { minLength: 1, maxLength: 3 })
  .chain((names) =>
    fc.tuple(
      ...names.map((stage) =>
        fc.record({
          name: fc.constant(stage),
          steps: fc.array(fc.tuple(anyStep, fc.array(fc.nat(), { maxLength: 3 })), {
            minLength: 1,
            maxLength: 4,
          }),
        }),
      ),
    ),
  )
  .map((drafts) => {
    const refs: string[] = [];
    return drafts.map(({ name, steps }) => ({
      name,
      steps: steps.map(([step, picks]): StepDefinition => {
        const needs = refs.length === 0 ? [] : [...new Set(picks.map((pick) => refs[pick % refs.length]!))];
        const ref = `step-${refs.length}`;
        refs.push(ref);
        return { ...step, ref, needs };
      }),
    }));
  });

/** Definitions that a file without faults can give. */
export const definitions: fc.Arbitrary<WorkflowDefinition> = fc.record({
  name,
  description: fc.option(text, { nil: null }),
  inputs,
  env: environment,
  source: fc.option(
    fc.record({
      git: fc.constantFrom(".", "https://example.org/app.git"),
      ref: fc.option(fc.constantFrom("main", "v1.0"), { nil: null }),
    }),
    { nil: null },
  ),
  timeoutMs: duration,
  maxParallelSteps: fc.option(fc.integer({ min: 1, max: 10_000 }), { nil: null }),
  outputs: fc.dictionary(variable, text, { maxKeys: 3, noNullPrototype: true }),
  stages,
});
