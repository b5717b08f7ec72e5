import type { WorkflowDefinition } from "../domain/definition.ts";
import { compileGraph, type WorkflowGraph } from "../domain/graph.ts";

/** The graph of a definition; compile it once per workflow version. Throws on a definition that no file gave. */
export function graphOf(definition: WorkflowDefinition): WorkflowGraph {
  const { graph, faults } = compileGraph(definition.stages);
  if (graph === null) throw new Error(`workflow definition "${definition.name}": ${faults[0]?.message}`);
  return graph;
}
