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

const runStep = fc.record({
  ...common,
  type: fc.constant("RUN" as const),
  continueOnError: fc.boolean(),
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
  delayMs: fc.constant(null),
  queue: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,10}$/),
  labels: fc
    .uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9._:/=-]{0,10}$/), { maxLength: 3 })
    .map((list) => list.sort()),
  run: filledText,
  shell: fc.constantFrom("sh -e", "bash -euo pipefail"),
  env: environment,
  timeoutMs: duration,
});

const delayStep = fc.record({
  ...common,
  type: fc.constant("DELAY" as const),
  continueOnError: fc.constant(false),
  retry: fc.constant({ attempts: 1, backoffMs: 0, factor: 1, maxBackoffMs: 0 }),
  delayMs: duration,
  queue: fc.constant("default"),
  labels: fc.constant([]),
  run: fc.constant(null),
  shell: fc.constant(""),
  env: fc.constant([]),
  timeoutMs: fc.constant(MAX_MS),
});

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
          steps: fc.array(fc.tuple(fc.oneof(runStep, delayStep), fc.array(fc.nat(), { maxLength: 3 })), {
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
  outputs: fc.dictionary(variable, text, { maxKeys: 3, noNullPrototype: true }),
  stages,
});
