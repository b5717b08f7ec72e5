import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createProgressView } from "../../src/cli/progress/progress-view.ts";
import { at, playFailingRun, step } from "./script.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function recorded(play: (view: ReturnType<typeof createProgressView>) => void): string {
  let text = "";
  play(
    createProgressView({
      color: true,
      stream: {
        write: (part) => {
          text += part;
        },
      },
    }),
  );
  return text;
}

describe("without a terminal", () => {
  it("tells a run line by line and ends with a table and one final line", () => {
    expect(recorded(playFailingRun)).toBe(`==> run QUEUED
==> run RUNNING
--> compile RUNNING
compile # checked out 1a2b3c4
compile | cc main.c
--> compile SUCCEEDED in 1.2s
--> unit RUNNING
unit | 1 of 2 failed
--> unit WAITING: exit code 1, again in 1s
--> unit QUEUED
--> unit RUNNING, attempt 2
--> unit FAILED in 4.6s, attempt 2: exit code 1
--> publish SKIPPED: an earlier stage failed
==> run FAILED

step     stage    status     duration  attempt
compile  build    SUCCEEDED  1.2s      1
unit     test     FAILED     4.6s      2
publish  release  SKIPPED    -         -

run #3 of ci FAILED in 6.2s: exit code 1
`);
  });

  it("ends a good run with its final line", () => {
    const text = recorded((view) => {
      view.finish({ workflowName: "ci", number: 3, status: "SUCCEEDED", reason: null, durationMs: 6234 });
    });
    expect(text.trimEnd().split("\n").at(-1)).toBe("run #3 of ci SUCCEEDED in 6.2s");
  });

  it("owns no timer", () => {
    recorded((view) => view.stepStatus(step("compile", "RUNNING", 1)));
    expect(vi.getTimerCount()).toBe(0);
  });

  it("passes no control code on, wherever it comes from", () => {
    const evil = "\u001b[2J\u001b]0;title\u0007\u001b[31mred\u001b[0m\u009b1A\u0000\b";
    const text = recorded((view) => {
      view.logLine({ ref: `a${evil}`, stream: "stdout", text: evil, at: at(0) });
      view.stepStatus(
        step(`b${evil}`, "FAILED", 1, { stage: evil, reason: { code: "ERROR", message: `x\n${evil}` } }),
      );
      view.finish({ workflowName: evil, number: 1, status: "FAILED", reason: null, durationMs: null });
    });
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    expect(text.split("\n").slice(0, 2)).toEqual(["ared | red", "--> bred FAILED: x red"]);
  });

  it("lets no log line pass for one of its own", () => {
    const text = recorded((view) => {
      view.logLine({ ref: "a", stream: "stdout", text: "x\n--> a SUCCEEDED\n10%\r100%\r", at: at(0) });
    });
    expect(text).toBe("a | x\na | --> a SUCCEEDED\na | 100%\n");
  });

  it("says nothing after its end", () => {
    const text = recorded((view) => {
      view.close();
      view.logLine({ ref: "a", stream: "stdout", text: "late", at: at(0) });
    });
    expect(text).toBe("");
  });
});
