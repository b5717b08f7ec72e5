import type { EnvVar } from "../domain/definition.ts";
import { type Fault, invalid } from "../domain/refusals.ts";

/** Bounds of what a run is started with; they keep one row from becoming a store of its own. */
export const RUN_LIMITS = {
  envVars: 250,
  labels: 64,
  labelLength: 200,
  annotationLength: 10_000,
  maxParallelSteps: 10_000,
  stepRetries: 20,
  messageLength: 2_000,
  refLength: 250,
  minTimeoutMs: 1_000,
  /** 24.8 days: what GraphQL has integers for. */
  maxTimeoutMs: 2 ** 31 - 1,
} as const;

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LABEL_KEY = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;
const COMMIT = /^[0-9a-f]{7,64}$/;
/** What git itself refuses in a ref, and a leading dash, which git would read as an option. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused
const BAD_BRANCH = /^[-/]|\.\.|[\x00-\x20~^:?*[\\\x7f]|@\{|\/\/|[./]$/;

/** Whether a run starts as soon as it is made, or waits for `startWorkflowRun`. */
export const RUN_STARTS = ["IMMEDIATE", "MANUAL"] as const;
export type RunStart = (typeof RUN_STARTS)[number];

/** What every way of starting a run may set. */
export interface RunOptions {
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Free JSON for the run's own use. */
  readonly payload: unknown;
  readonly envVars: readonly EnvVar[];
  readonly branch: string | null;
  readonly commit: string | null;
  readonly message: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Null = the workflow's. */
  readonly timeoutMs: number | null;
  /** Null = the workflow's. */
  readonly maxParallelSteps: number | null;
  /** How often each failed step is tried again; null = as the workflow says. */
  readonly stepRetries: number | null;
  /** Steps are told to say more, by RUNCAST_DEBUG=true. */
  readonly debug: boolean;
  readonly start: RunStart;
}

export function defaultRunOptions(): RunOptions {
  return {
    inputs: {},
    payload: null,
    envVars: [],
    branch: null,
    commit: null,
    message: null,
    labels: {},
    annotations: {},
    timeoutMs: null,
    maxParallelSteps: null,
    stepRetries: null,
    debug: false,
    start: "IMMEDIATE",
  };
}

/** Throws a refusal that names everything that is wrong. */
export function checkRunOptions(options: RunOptions): void {
  const faults = [
    ...envVarFaults(options.envVars),
    ...labelFaults(options.labels),
    ...annotationFaults(options.annotations),
    ...sourceFaults(options),
    ...limitFaults(options),
  ];
  if (faults.length > 0) throw invalid("input", faults);
}

function fault(path: string, message: string): Fault {
  return { path: `input.${path}`, message, line: null, column: null };
}

function envVarFaults(envVars: RunOptions["envVars"]): Fault[] {
  const faults = envVars.flatMap(({ key, value }, i) => [
    ...(VARIABLE.test(key)
      ? []
      : [fault(`envVars[${i}].key`, "must be a variable name: letters, digits and _")]),
    ...(value.includes("\0") ? [fault(`envVars[${i}].value`, "must not contain a NUL character")] : []),
  ]);
  if (envVars.length > RUN_LIMITS.envVars)
    faults.push(fault("envVars", `at most ${RUN_LIMITS.envVars} entries`));
  return faults;
}

export function labelFaults(labels: RunOptions["labels"]): Fault[] {
  const entries = Object.entries(labels);
  const faults = entries.flatMap(([key, value]) => [
    ...(LABEL_KEY.test(key) && key.length <= RUN_LIMITS.labelLength
      ? []
      : [fault(`labels.${key}`, "a key has letters, digits and . _ / - and starts with a letter or digit")]),
    ...(value.length <= RUN_LIMITS.labelLength && !value.includes("\0")
      ? []
      : [fault(`labels.${key}`, `a value has at most ${RUN_LIMITS.labelLength} characters and no NUL`)]),
  ]);
  if (entries.length > RUN_LIMITS.labels) faults.push(fault("labels", `at most ${RUN_LIMITS.labels} labels`));
  return faults;
}

export function annotationFaults(annotations: RunOptions["annotations"]): Fault[] {
  const entries = Object.entries(annotations);
  const faults = entries.flatMap(([key, value]) => [
    ...(key !== "" && key.length <= RUN_LIMITS.labelLength && !key.includes("\0")
      ? []
      : [fault("annotations", `a key has 1 to ${RUN_LIMITS.labelLength} characters and no NUL`)]),
    ...(value.length <= RUN_LIMITS.annotationLength && !value.includes("\0")
      ? []
      : [
          fault(
            `annotations.${key}`,
            `a value has at most ${RUN_LIMITS.annotationLength} characters and no NUL`,
          ),
        ]),
  ]);
  if (entries.length > RUN_LIMITS.labels) {
    faults.push(fault("annotations", `at most ${RUN_LIMITS.labels} annotations`));
  }
  return faults;
}

function sourceFaults({ branch, commit }: RunOptions): Fault[] {
  const faults: Fault[] = [];
  if (commit !== null && branch === null) faults.push(fault("commit", "a commit needs its branch"));
  if (commit !== null && !COMMIT.test(commit))
    faults.push(fault("commit", "must be 7 to 64 lower-case hex digits"));
  if (branch !== null && (branch.length > RUN_LIMITS.refLength || branch === "" || BAD_BRANCH.test(branch))) {
    faults.push(fault("branch", "is not a name that git allows for a branch"));
  }
  return faults;
}

function limitFaults({ message, timeoutMs, maxParallelSteps, stepRetries }: RunOptions): Fault[] {
  const faults: Fault[] = [];
  const outside = (value: number | null, least: number, most: number): boolean =>
    value !== null && (value < least || value > most);
  if (outside(maxParallelSteps, 1, RUN_LIMITS.maxParallelSteps)) {
    faults.push(fault("maxParallelSteps", `must be between 1 and ${RUN_LIMITS.maxParallelSteps}`));
  }
  if (outside(stepRetries, 0, RUN_LIMITS.stepRetries)) {
    faults.push(fault("stepRetries", `must be between 0 and ${RUN_LIMITS.stepRetries}`));
  }
  if (message !== null && (message.length > RUN_LIMITS.messageLength || message.includes("\0"))) {
    faults.push(fault("message", `at most ${RUN_LIMITS.messageLength} characters and no NUL`));
  }
  const { minTimeoutMs, maxTimeoutMs } = RUN_LIMITS;
  if (outside(timeoutMs, minTimeoutMs, maxTimeoutMs)) {
    faults.push(fault("timeoutMs", `must be between ${minTimeoutMs} and ${maxTimeoutMs}`));
  }
  return faults;
}
