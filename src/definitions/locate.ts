import type { Path } from "./faults.ts";
import type { SourceNode } from "./source-tree.ts";

/** Where the value at a path starts; the nearest value around it when it is missing. */
export function offsetOf(root: SourceNode, path: Path): number {
  return descend(root, path).node.start;
}

/** Where the last key of a path starts; the nearest value around it when it is missing. */
export function keyOffsetOf(root: SourceNode, path: Path): number {
  const { node: owner, complete } = descend(root, path.slice(0, -1));
  const entry = complete && !owner.aliased ? owner.entries?.get(String(path.at(-1))) : undefined;
  return entry?.keyStart ?? owner.start;
}

/** Ends early at an alias: what is behind it stands in another place, which would confuse its reader. */
function descend(root: SourceNode, path: Path): { node: SourceNode; complete: boolean } {
  let node = root;
  for (const part of path) {
    const next = node.aliased ? undefined : child(node, part);
    if (next === undefined) return { node, complete: false };
    node = next;
  }
  return { node, complete: true };
}

export function child(node: SourceNode, part: string | number): SourceNode | undefined {
  return typeof part === "number" ? node.items?.[part] : node.entries?.get(part)?.node;
}
