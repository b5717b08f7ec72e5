import { KEYS_OF_BUILD_COMMAND } from "./command-steps.ts";
import type { Finding } from "./faults.ts";
import { child, keyOffsetOf } from "./locate.ts";
import type { StepOutline } from "./outline.ts";
import type { SourceNode } from "./source-tree.ts";

/** Asked of the file, because the model has filled in what was not written. */
export function checkBuildSteps(root: SourceNode, stages: readonly (readonly StepOutline[])[]): Finding[] {
  return stages.flat().flatMap(({ type, path }) => {
    const step = type === "build" ? path.reduce<SourceNode | undefined>(childOf, root) : undefined;
    if (step === undefined || step.entries?.has("run")) return [];
    return KEYS_OF_BUILD_COMMAND.filter((key) => step.entries?.has(key)).map((key) => ({
      message: `"${key}" is about the command of a build step, and this one has no "run": it waits until another system completes it`,
      path: [...path, key],
      offset: keyOffsetOf(root, [...path, key]),
    }));
  });
}

function childOf(node: SourceNode | undefined, part: string | number): SourceNode | undefined {
  return node && child(node, part);
}
