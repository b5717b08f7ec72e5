import { describe, expect, test } from "vitest";
import { faultsOf, placeOf, unmark } from "./marked.ts";

/** The marks in a file stand where its faults must be reported, in order; each message comes with its path. */
export type FaultCase = readonly [
  file: string,
  ...faults: readonly (readonly [path: string, message: string])[],
];

export type FaultCases = Readonly<Record<string, FaultCase>>;

export function describeFaults(title: string, cases: FaultCases): void {
  describe(title, () => {
    test.each(Object.entries(cases))("%s", (_, [marked, ...expected]) => {
      const { text, places } = unmark(marked);
      const faults = faultsOf(text);
      expect(faults.map(({ path, message }) => [path, message])).toEqual(expected);
      expect(faults.map(placeOf)).toEqual(places);
    });
  });
}
