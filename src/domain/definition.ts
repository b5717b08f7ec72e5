import { compileGraph, type StageSpec, type StepSpec, type WorkflowGraph } from "./graph.ts";

/**
 * A workflow as it is stored: every default applied, every duration in milliseconds. The parser of workflow files
 * produces it, runs are made from it.
 */

export const INPUT_TYPES = ["string", "number", "boolean", "choice"] as const;
export type InputType = (typeof INPUT_TYPES)[number];

export interface InputDefinition {
  readonly name: string;
  readonly type: InputType;
  readonly description: string | null;
  readonly required: boolean;
  readonly default: string | number | boolean | null;
  /** What a choice may be; null for the other types. */
  readonly options: readonly string[] | null;
}

export interface EnvVar {
  readonly key: string;
  readonly value: string;
}

export interface SourceDefinition {
  readonly git: string;
  /** Branch, tag or commit; null = the repository's default branch. */
  readonly ref: string | null;
}

/** The request of an HTTP step. `${{ }}` in its texts is filled in when the step starts. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly EnvVar[];
  readonly body: string | null;
  /** The body is JSON: what is filled into its texts becomes a part of them, whatever characters it has. */
  readonly json: boolean;
  /** Status codes that count as success. */
  readonly expect: readonly { readonly from: number; readonly to: number }[];
}

/** The run that a WORKFLOW step makes and waits for. */
export interface ChildRun {
  /** Name of a workflow of the same project. */
  readonly workflow: string;
  /** Input name -> value or template. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** A report that a test command writes: files by glob, relative to the workspace. */
export interface TestReportSpec {
  readonly format: TestReportFormat;
  readonly globs: readonly string[];
}

export const TEST_REPORT_FORMATS = ["JUNIT", "TAP"] as const;
export type TestReportFormat = (typeof TEST_REPORT_FORMATS)[number];

/** What a TEST step does: runs one command for every discovered test, or one command that writes a report of all. */
export interface TestSpec {
  /** Writes the tests to its standard output, an id or a JSON object a line; null with a report. */
  readonly discover: string | null;
  /** With `discover`, executes one test; with `report`, all of them. */
  readonly run: string;
  readonly report: TestReportSpec | null;
  /** How many tests execute at once on the runner. */
  readonly parallel: number;
  /** Of one discovered test. The whole step has its own. */
  readonly testTimeoutMs: number;
  /** A step without a single test succeeds. */
  readonly allowEmpty: boolean;
}

export interface StepDefinition extends StepSpec {
  /** The command of a RUN step, or of a BUILD step that has one; null for the other types. */
  readonly run: string | null;
  /** What an HTTP step asks for; null for the other types. */
  readonly http: HttpRequest | null;
  /** What a WORKFLOW step runs; null for the other types. */
  readonly child: ChildRun | null;
  /** What a TEST step does; null for the other types. */
  readonly test: TestSpec | null;
  /** Globs, relative to the workspace, of the files that are kept when it has ended. */
  readonly artifacts: readonly string[];
  readonly shell: string;
  readonly env: readonly EnvVar[];
  readonly timeoutMs: number;
}

export interface StageDefinition extends StageSpec {
  readonly steps: readonly StepDefinition[];
}

export interface WorkflowDefinition {
  readonly name: string;
  readonly description: string | null;
  readonly inputs: readonly InputDefinition[];
  readonly env: readonly EnvVar[];
  readonly source: SourceDefinition | null;
  readonly timeoutMs: number;
  /** How many steps may execute at once; null = as many as there are runners for. */
  readonly maxParallelSteps: number | null;
  /** Outputs of the whole run: name -> template over its steps' outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly stages: readonly StageDefinition[];
}

/** A definition as an earlier version of Runcast may have stored it: what was added since gets its default. */
export function completeDefinition(stored: WorkflowDefinition): WorkflowDefinition {
  const added = { patienceMs: null, approval: null, http: null, child: null, test: null, artifacts: [] };
  return {
    ...stored,
    maxParallelSteps: stored.maxParallelSteps ?? null,
    stages: stored.stages.map((stage) => ({
      ...stage,
      steps: stage.steps.map((step) => ({
        ...added,
        ...step,
        waitsFor: step.waitsFor ?? (step.type === "DELAY" ? "DELAY" : "RUNNER"),
      })),
    })),
  };
}

/** The graph of a definition; compile it once per workflow version. Throws on a definition that no file gave. */
export function graphOf(definition: WorkflowDefinition): WorkflowGraph {
  const { graph, faults } = compileGraph(definition.stages);
  if (graph === null) throw new Error(`workflow definition "${definition.name}": ${faults[0]?.message}`);
  return graph;
}
