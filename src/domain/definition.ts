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

export interface StepDefinition extends StepSpec {
  /** The command of a RUN step; null for the other types. */
  readonly run: string | null;
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
  /** Outputs of the whole run: name -> template over its steps' outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly stages: readonly StageDefinition[];
}

/** The graph of a definition; compile it once per workflow version. Throws on a definition that no file gave. */
export function graphOf(definition: WorkflowDefinition): WorkflowGraph {
  const { graph, faults } = compileGraph(definition.stages);
  if (graph === null) throw new Error(`workflow definition "${definition.name}": ${faults[0]?.message}`);
  return graph;
}
