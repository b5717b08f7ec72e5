import assert from "node:assert/strict";
import type { RunSignalDraft } from "../../src/domain/signals.ts";

interface Child {
  readonly step: number;
  readonly attempt: number;
}

/** The child runs that a run asked for by its signals, "step#attempt". */
export class ChildRuns {
  readonly open = new Map<string, Child>();
  readonly #ever = new Set<string>();

  follow(signals: readonly RunSignalDraft[]): void {
    for (const { kind, step, attempt } of signals) {
      const key = `${step}#${attempt}`;
      if (kind === "CANCEL_CHILD") assert.ok(this.open.has(key), `no child ${key} to cancel`);
      else {
        assert.ok(!this.#ever.has(key), `the child ${key} is made twice`);
        this.#ever.add(key);
        this.open.set(key, { step, attempt });
      }
    }
  }
}
