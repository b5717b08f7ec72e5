import { describe, expect, test } from "vitest";
import { STEP_RUN_STATUSES } from "../../src/domain/statuses.ts";
import { nextStepStatus, STEP_TRIGGERS } from "../../src/domain/transitions.ts";
import { LEGAL_STEP_MOVES } from "./step-moves.ts";

const pairs = STEP_RUN_STATUSES.flatMap((status) =>
  STEP_TRIGGERS.map((trigger) => [status, trigger] as const),
);

describe("step transitions", () => {
  test.each(pairs)("%s on %s", (status, trigger) => {
    const move = LEGAL_STEP_MOVES.find(([from, on]) => from === status && on === trigger);
    expect(nextStepStatus(status, trigger)).toBe(move?.[2] ?? null);
  });

  test("every trigger is known here, and every move belongs to a trigger", () => {
    expect([...STEP_TRIGGERS].sort()).toEqual([...new Set(LEGAL_STEP_MOVES.map(([, on]) => on))].sort());
  });
});
