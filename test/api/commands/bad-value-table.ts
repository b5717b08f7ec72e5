/** What the commands of the table are asked for. */
export interface Objects {
  readonly workflow: string;
  readonly archived: string;
  readonly run: string;
  readonly manual: string;
  readonly failed: string;
  readonly succeeded: string;
  readonly ext: string;
  readonly ok: string;
  readonly x: string;
}

export const NUL = "a\0b";
export const long = (length: number): string => "x".repeat(length);
export const many = (length: number, value: unknown = "v"): object =>
  Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, value]));
export const ON_RUN = ({ run }: Objects): object => ({ workflowRunId: run });
export const MADE = ({ workflow }: Objects): object => ({ workflowId: workflow });
const MANUAL = ({ manual }: Objects): object => ({ workflowRunId: manual });
const ENDED = ({ failed }: Objects): object => ({ workflowRunId: failed });

type Wrong = readonly [
  mutation: string,
  base: (objects: Objects) => object,
  values: readonly (readonly [path: string, input: object])[],
];

const REASONS = [
  ["input.reason", { reason: long(501) }],
  ["input.reason", { reason: NUL }],
] as const;
const LABELS = [
  ["input.labels", { labels: [] }],
  ["input.labels", { labels: "text" }],
  ["input.labels", { labels: { a: 1 } }],
  ["input.labels", { labels: { a: ["b"] } }],
  ["input.labels", { labels: { a: NUL } }],
  ["input.labels.-a", { labels: { "-a": "b" } }],
  ["input.labels.", { labels: { "": "b" } }],
  ["input.labels.a b", { labels: { "a b": "b" } }],
  ["input.labels", { labels: many(65) }],
  ["input.labels.a", { labels: { a: long(201) } }],
  [`input.labels.${long(201)}`, { labels: { [long(201)]: "b" } }],
] as const;
const ANNOTATIONS = [
  ["input.annotations", { annotations: [] }],
  ["input.annotations", { annotations: { a: 1 } }],
  ["input.annotations", { annotations: { "": "b" } }],
  ["input.annotations", { annotations: { [NUL]: "b" } }],
  ["input.annotations", { annotations: { [long(201)]: "b" } }],
  ["input.annotations.a", { annotations: { a: long(10_001) } }],
  ["input.annotations", { annotations: many(65) }],
] as const;
const START = [
  ...LABELS,
  ...ANNOTATIONS,
  ["input.message", { message: long(2_001) }],
  ["input.message", { message: NUL }],
  ["input.timeoutMs", { timeoutMs: 999 }],
  ["input.timeoutMs", { timeoutMs: -1 }],
  ["input.stepRetries", { stepRetries: -1 }],
  ["input.stepRetries", { stepRetries: 21 }],
  ["input.envVars[0].key", { envVars: [{ key: "1A", value: "x" }] }],
  ["input.envVars[0].key", { envVars: [{ key: "", value: "x" }] }],
  ["input.envVars[0].value", { envVars: [{ key: "A", value: NUL }] }],
  ["input.envVars", { envVars: Array.from({ length: 251 }, (_, i) => ({ key: `A${i}`, value: "" })) }],
  ["input.inputs", { inputs: [] }],
  ["inputs.count", { inputs: { count: "many" } }],
  ["inputs.unknown", { inputs: { unknown: 1 } }],
] as const;
const TRIGGER = [
  ...START,
  ["input.commit", { commit: "0123456789abcdef" }],
  ["input.commit", { branch: "main", commit: "abc" }],
  ["input.commit", { branch: "main", commit: "HEAD~1xx" }],
  ["input.branch", { branch: "" }],
  ["input.branch", { branch: "--upload-pack=x" }],
  ["input.branch", { branch: "a..b" }],
  ["input.branch", { branch: NUL }],
  ["input.branch", { branch: long(251) }],
  ["input.maxParallelSteps", { maxParallelSteps: 0 }],
  ["input.maxParallelSteps", { maxParallelSteps: 10_001 }],
  ["input.payload", { payload: { deep: [NUL] } }],
  ["input.parentStepRef", { parentStepRef: "x" }],
] as const;

/** Each is one fault, at this place of the input. */
export const WRONG: readonly Wrong[] = [
  ["triggerWorkflowRun", MADE, TRIGGER],
  [
    "executeWorkflow",
    MADE,
    [...TRIGGER, ["input.waitMs", { waitMs: -1 }], ["input.waitMs", { waitMs: 600_001 }]],
  ],
  ["startWorkflowRun", MANUAL, START],
  ["cancelWorkflowRun", ON_RUN, REASONS],
  ["pauseWorkflowRun", ON_RUN, REASONS],
  [
    "retryWorkflowRun",
    ENDED,
    [
      ...START,
      ["input.stepRefs", { stepRefs: ["x"] }],
      ["input.stepRefs", { mode: "ALL", stepRefs: ["x"] }],
      ["input.stepRefs", { mode: "FROM_STEPS" }],
      ["input.stepRefs", { mode: "FROM_STEPS", stepRefs: [] }],
      ["input.stepRefs", { mode: "FROM_STEPS", stepRefs: ["x", "none"] }],
      ["input.stepRefs", { mode: "FROM_STEPS", stepRefs: [NUL] }],
      ["input.stepRefs", { mode: "FROM_STEPS", stepRefs: Array.from({ length: 251 }, () => "x") }],
    ],
  ],
  ["retryWorkflowRun", ({ succeeded }) => ({ workflowRunId: succeeded }), [["input.mode", {}]]],
  ["setWorkflowRunLabels", ON_RUN, LABELS],
  ["annotateWorkflowRun", ON_RUN, ANNOTATIONS],
  ["abortStepRun", ({ x }) => ({ step: { id: x } }), REASONS],
  ["skipStepRun", ({ x }) => ({ step: { id: x } }), REASONS],
  [
    "forceCompleteStepRun",
    ({ x }) => ({ step: { id: x } }),
    [
      ["input.result", { result: [] }],
      ["input.result", { result: "text" }],
      ["input.result", { result: { [NUL]: 1 } }],
      ["input.result", { result: { a: { b: [NUL] } } }],
    ],
  ],
  [
    "completeStepRun",
    ({ ext }) => ({ step: { id: ext }, success: true }),
    [
      ["input.message", { message: long(2_001) }],
      ["input.message", { message: NUL }],
      ["input.releaseId", { releaseId: long(251) }],
      ["input.releaseId", { releaseId: NUL }],
      ["input.output", { output: [1] }],
      ["input.output", { output: { a: NUL } }],
    ],
  ],
  [
    "decideApproval",
    ({ ok }) => ({ step: { id: ok }, verdict: "APPROVE" }),
    [
      ["input.comment", { comment: long(2_001) }],
      ["input.comment", { comment: NUL }],
      ["input.fields", { fields: [] }],
      ["input.fields", { fields: { a: NUL } }],
      ["input.fields", { fields: { a: long(65_536) } }],
    ],
  ],
  ["cancelWorkflowRuns", ({ run }) => ({ runs: { ids: [run] } }), REASONS],
  ["setWorkflowRunsLabels", ({ run }) => ({ runs: { ids: [run] } }), LABELS],
  ["replayWorkflowRuns", ({ run }) => ({ runs: { ids: [run] } }), [["input.mode", { mode: "FROM_STEPS" }]]],
];
