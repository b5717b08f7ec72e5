import {
  completeDefinition,
  graphOf,
  type StepDefinition,
  type WorkflowDefinition,
} from "../domain/definition.ts";
import type { WorkflowGraph } from "../domain/graph.ts";
import type { Queryable, Statement } from "./queries/queryable.ts";

/** A version as runs need it. Versions never change, so it is kept for as long as there is room. */
export interface WorkflowVersion {
  readonly id: string;
  readonly definition: WorkflowDefinition;
  readonly graph: WorkflowGraph;
  /** The definition's steps by index. */
  readonly steps: readonly StepDefinition[];
}

const FIND: Statement = {
  name: "find-workflow-version",
  text: "select definition from workflow_version where id = $1",
};
const CAPACITY = 200;

export class WorkflowVersions {
  readonly #byId = new Map<string, WorkflowVersion>();

  async get(source: Queryable, id: string): Promise<WorkflowVersion> {
    const known = this.#byId.get(id);
    if (known !== undefined) {
      // Moved to the end: the first key of the map is the one used longest ago.
      this.#byId.delete(id);
      this.#byId.set(id, known);
      return known;
    }
    const [row] = await source.query<{ definition: WorkflowDefinition }>(FIND, [id]);
    if (row === undefined) throw new Error(`workflow version ${id} does not exist`);
    const version = versionOf(id, completeDefinition(row.definition));
    this.#byId.set(id, version);
    if (this.#byId.size > CAPACITY) this.#byId.delete(this.#byId.keys().next().value!);
    return version;
  }
}

export function versionOf(id: string, definition: WorkflowDefinition): WorkflowVersion {
  return {
    id,
    definition,
    graph: graphOf(definition),
    steps: definition.stages.flatMap(({ steps }) => steps),
  };
}
