import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createProgressView,
  type ProgressView,
  type ProgressViewOptions,
} from "../../src/cli/progress/progress-view.ts";
import { Screen } from "./screen.ts";
import { at, epoch, playFailingRun, step } from "./script.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: epoch(0) });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Terminal {
  columns?: number;
  rows?: number;
  hasColors?: () => boolean;
}

function open(terminal: Terminal = {}, options: Partial<ProgressViewOptions> = {}) {
  const screen = new Screen(terminal.columns ?? 100);
  const writes: string[] = [];
  const stream = {
    columns: screen.columns,
    ...terminal,
    isTTY: true,
    write: (text: string) => {
      writes.push(text);
      screen.write(text);
    },
  };
  return { screen, writes, view: createProgressView({ stream, ...options }) };
}

const refreshed = (ms = 100) => vi.advanceTimersByTime(ms);

function refreshingAfterEach(view: ProgressView): ProgressView {
  const then =
    <T>(show: (input: T) => void) =>
    (input: T) => {
      show(input);
      refreshed();
    };
  return {
    runStatus: then((status) => view.runStatus(status)),
    stepStatus: then((input) => view.stepStatus(input)),
    logLine: then((input) => view.logLine(input)),
    finish: then((input) => view.finish(input)),
    close: () => view.close(),
  };
}

describe("on a terminal", () => {
  it("draws the bar, the counts and the steps at work below the log", () => {
    const { screen, view } = open();
    view.runStatus("RUNNING");
    for (const ref of ["compile", "unit", "lint", "publish"]) {
      view.stepStatus(step(ref, "PENDING", 0, { attempt: 0 }));
    }
    view.stepStatus(step("compile", "RUNNING", 0));
    view.stepStatus(step("compile", "SUCCEEDED", 1.2));
    view.stepStatus(step("unit", "RUNNING", 1));
    view.stepStatus(step("lint", "RUNNING", 2, { attempt: 2 }));
    view.logLine({ ref: "unit", stream: "stdout", text: "ok 1", at: at(3) });
    refreshed(65_000);
    expect(screen.lines).toEqual([
      "--> compile SUCCEEDED in 1.2s",
      "unit    | ok 1",
      "RUNNING ███████░░░░░░░░░░░░░░░░░░░░░░░ 1/4 steps, 2 running, 1m05s",
      "  unit RUNNING 1m04s",
      "  lint RUNNING 1m03s, attempt 2",
    ]);
    view.logLine({ ref: "lint", stream: "stdout", text: "fine", at: at(66) });
    view.stepStatus(step("unit", "FAILED", 66));
    refreshed();
    expect(screen.lines.slice(2)).toEqual([
      "lint    | fine",
      "--> unit FAILED in 1m05s",
      "RUNNING ███████████████░░░░░░░░░░░░░░░ 2/4 steps, 1 running, 1 failed, 1m05s",
      "  lint RUNNING 1m03s, attempt 2",
    ]);
    view.close();
  });

  it("leaves the log, the table and the final line, and no timer", () => {
    const { screen, view } = open();
    playFailingRun(view);
    expect(vi.getTimerCount()).toBe(0);
    expect(screen.lines).toEqual([
      "==> run QUEUED",
      "compile # checked out 1a2b3c4",
      "compile | cc main.c",
      "--> compile SUCCEEDED in 1.2s",
      "unit    | 1 of 2 failed",
      "--> unit WAITING: exit code 1, again in 1s",
      "--> unit QUEUED",
      "--> unit FAILED in 4.6s, attempt 2: exit code 1",
      "--> publish SKIPPED: an earlier stage failed",
      "==> run FAILED",
      "",
      "step     stage    status     duration  attempt",
      "compile  build    SUCCEEDED  1.2s      1",
      "unit     test     FAILED     4.6s      2",
      "publish  release  SKIPPED    -         -",
      "",
      "run #3 of ci FAILED in 6.2s: exit code 1",
      "",
    ]);
  });

  it("shows the same in the end, however often it was drawn in between", () => {
    const once = open();
    playFailingRun(once.view);
    const often = open();
    playFailingRun(refreshingAfterEach(often.view));
    expect(often.writes.length).toBeGreaterThan(once.writes.length);
    expect(often.screen.lines).toEqual(once.screen.lines);
  });

  it("writes what came between two refreshes in one piece, and nothing when nothing changed", () => {
    const { writes, view } = open();
    refreshed();
    writes.length = 0;
    for (let i = 0; i < 1000; i++) view.logLine({ ref: "a", stream: "stdout", text: `${i}`, at: at(0) });
    refreshed();
    expect(writes).toHaveLength(1);
    refreshed(300);
    expect(writes).toHaveLength(1);
    view.close();
  });

  it("keeps the footer within narrow and low windows", () => {
    const { screen, view } = open({ columns: 30, rows: 8 });
    view.runStatus("RUNNING");
    for (let i = 0; i < 10; i++) view.stepStatus(step(`a-rather-long-step-name-${i}`, "RUNNING", 0));
    view.logLine({ ref: "a-rather-long-step-name-0", stream: "stdout", text: "long ".repeat(20), at: at(0) });
    for (let i = 0; i < 3; i++) refreshed(1000);
    const footer = screen.lines.slice(screen.lines.findIndex((line) => line.startsWith("RUNNING")));
    expect(footer).toHaveLength(6);
    expect(footer.at(-1)).toBe("  ... and 6 more");
    expect(Math.max(...footer.map((line) => line.length))).toBeLessThan(30);
    view.close();
    expect(screen.lines.join("\n")).not.toContain("more");
  });

  it("redraws a footer of wide characters in its place", () => {
    const { screen, view } = open({ columns: 40 });
    view.stepStatus(step("測試".repeat(15), "RUNNING", 0));
    for (let i = 0; i < 3; i++) refreshed(1000);
    expect(screen.lines).toHaveLength(2);
    view.close();
  });

  it("leaves a clean screen when it is closed without a summary", () => {
    const { screen, view } = open();
    view.stepStatus(step("unit", "RUNNING", 0));
    refreshed();
    view.logLine({ ref: "unit", stream: "stdout", text: "last words", at: at(1) });
    view.close();
    view.close();
    refreshed(1000);
    expect(screen.lines).toEqual(["unit | last words", ""]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("colors", () => {
  const colorsOf = (writes: readonly string[], ref: string) =>
    [...writes.join("").matchAll(new RegExp(`(\\u001b\\[\\d+m)${ref} *[|#]`, "g"))].map((match) => match[1]);

  it("are stable for a step and different for its neighbor", () => {
    const { writes, view } = open({ hasColors: () => true });
    for (const ref of ["unit", "lint"]) view.stepStatus(step(ref, "RUNNING", 0));
    for (const ref of ["unit", "lint", "unit"]) {
      view.logLine({ ref, stream: "stdout", text: "x", at: at(0) });
      refreshed();
    }
    view.close();
    const [unit, again] = colorsOf(writes, "unit");
    expect(unit).toBeDefined();
    expect(again).toBe(unit);
    expect(colorsOf(writes, "lint")[0]).not.toBe(unit);
  });

  it("of log lines stay and end with their line; nothing else of them is passed on", () => {
    const { screen, writes, view } = open({ hasColors: () => true });
    const text = "\u001b[1;31mred\u001b[2J\u001b[3A\u001b]8;;http://x\u001b\\link\u001b]52;c;ZXZpbA==\u0007";
    view.logLine({ ref: "unit", stream: "stdout", text, at: at(0) });
    view.close();
    expect(screen.lines).toEqual(["unit | redlink", ""]);
    expect(writes.join("")).toContain("\u001b[1;31mredlink\u001b[0m\n");
  });

  it("are not used where the terminal has none or the caller wants none", () => {
    for (const { writes, view } of [
      open({ hasColors: () => false }),
      open({ hasColors: () => true }, { color: false }),
    ]) {
      view.logLine({ ref: "unit", stream: "stdout", text: "\u001b[31mred", at: at(0) });
      playFailingRun(view);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must be absent
      expect(writes.join("")).not.toMatch(/\u001b\[[\d;]*m/);
    }
  });
});
