import type { Path } from "./faults.ts";
import { child } from "./locate.ts";
import type { SourceNode } from "./source-tree.ts";

/** A step as far as it can be read, whatever else is wrong with the file. */
export interface StepOutline {
  readonly stage: number;
  /** Within its stage. */
  readonly position: number;
  readonly path: Path;
  /** Null when it has none or it is no text. */
  readonly ref: string | null;
  /** The needs that are text, with their positions in the file's list. */
  readonly needs: readonly { readonly ref: string; readonly index: number }[];
  readonly type: unknown;
}

/** Every step of a file that may be faulty elsewhere, in order, by stage. */
export function outlineOf(root: SourceNode): StepOutline[][] {
  return (child(root, "stages")?.items ?? []).map((stage, index) =>
    (child(stage, "steps")?.items ?? []).map((step, position) => outlineStep(step, index, position)),
  );
}

function outlineStep(step: SourceNode, stage: number, position: number): StepOutline {
  const ref = child(step, "ref")?.value;
  const needs = (child(step, "needs")?.items ?? []).flatMap(({ value }, index) =>
    typeof value === "string" ? [{ ref: value, index }] : [],
  );
  const path = ["stages", stage, "steps", position];
  return {
    stage,
    position,
    path,
    ref: typeof ref === "string" ? ref : null,
    needs,
    type: child(step, "type")?.value,
  };
}
