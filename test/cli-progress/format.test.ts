import { describe, expect, it } from "vitest";
import { formatDuration, formatElapsed } from "../../src/cli/progress/format.ts";
import { coloredText, plainText } from "../../src/cli/progress/log-text.ts";

describe("durations", () => {
  it.each([
    [-5, "0.0s", "0s"],
    [40, "0.0s", "0s"],
    [6_234, "6.2s", "6s"],
    [59_940, "59.9s", "59s"],
    [59_960, "1m00s", "59s"],
    [65_400, "1m05s", "1m05s"],
    [3_599_600, "1h00m", "59m59s"],
    [7_380_000, "2h03m", "2h03m"],
  ])("%i ms", (ms, duration, elapsed) => {
    expect(formatDuration(ms)).toBe(duration);
    expect(formatElapsed(ms)).toBe(elapsed);
  });
});

describe("foreign text", () => {
  it.each([
    ["tabs and any language", "a\tb äöü 日本 🎉", "a\tb äöü 日本 🎉"],
    ["colors", "\u001b[38;5;196mx\u001b[m", "x"],
    ["cursor movement", "a\u001b[10;20Hb\u001b[?25l", "ab"],
    ["titles ended by BEL", "a\u001b]0;t i t l e\u0007b", "ab"],
    ["links ended by ST", "\u001b]8;;http://a\u001b\\x\u001b]8;;\u001b\\", "x"],
    ["device control strings", "a\u001bPq#0;1\u001b\\b", "ab"],
    ["8-bit forms", "a\u009b31mb\u009d0;t\u009cc", "abc"],
    ["short escapes", "a\u001bcb\u001b(Bc", "abc"],
    ["unfinished sequences", "a\u001b]0;never ended", "a0;never ended"],
    ["an escape at the end", "a\u001b", "a"],
  ])("%s", (_name, text, plain) => {
    expect(plainText(text)).toBe(plain);
  });

  it("keeps only colors where colors are wanted", () => {
    expect(coloredText("\u001b[1A\u001b[38:2::1:2:3mx\u001b[2K")).toBe("\u001b[38:2::1:2:3mx\u001b[0m");
    expect(coloredText("no colors")).toBe("no colors");
  });
});
