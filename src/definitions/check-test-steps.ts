import type { Finding } from "./faults.ts";
import { child, keyOffsetOf } from "./locate.ts";
import type { StepOutline } from "./outline.ts";
import type { SourceNode } from "./source-tree.ts";
import { KEYS_OF_DISCOVERED_TESTS } from "./test-step.ts";

/** Asked of the file, because the model has filled in what was not written. */
export function checkTestSteps(root: SourceNode, stages: readonly (readonly StepOutline[])[]): Finding[] {
  return stages.flat().flatMap(({ type, path }) => {
    if (type !== "test") return [];
    const place = [...path, "test"];
    const keys = place.reduce<SourceNode | undefined>(
      (node, part) => node && child(node, part),
      root,
    )?.entries;
    if (!keys) return [];
    const refuse = (key: string, message: string) => {
      const path = [...place, key];
      return { message, path, offset: keyOffsetOf(root, path) };
    };
    if (keys.has("discover") && keys.has("report")) {
      return [refuse("report", 'tests come from "discover" or from a "report": remove one of the two')];
    }
    if (!keys.has("discover") && !keys.has("report")) {
      return [
        refuse("run", 'give "discover", which lists the tests, or the "report" that the command writes'),
      ];
    }
    return KEYS_OF_DISCOVERED_TESTS.filter((key) => keys.has("report") && keys.has(key)).map((key) =>
      refuse(key, `"${key}" is about tests that "discover" lists; a step with a "report" runs one command`),
    );
  });
}
