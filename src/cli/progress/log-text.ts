const ESCAPE = "\\u001b";

/** Everything a terminal would act on instead of showing it; the longest forms come first. */
const CONTROL_SEQUENCES = new RegExp(
  [
    // CSI: cursor movement, erasing, modes, colors.
    `(?:${ESCAPE}\\[|\\u009b)[0-?]*[ -/]*[@-~]`,
    // OSC, DCS, SOS, PM, APC: window titles, links, clipboard access; with their text.
    `(?:${ESCAPE}[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007${ESCAPE}\\u009c]*(?:\\u0007|${ESCAPE}\\\\|\\u009c)`,
    `${ESCAPE}[ -/]*[0-~]`,
    "[\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f]",
  ].join("|"),
  "g",
);

const COLOR_SEQUENCE = new RegExp(`^${ESCAPE}\\[[\\d;:]*m$`);
const RESET_COLORS = "\u001b[0m";

/** Text of others without anything that could move the cursor, change the terminal or fake our own lines. */
export function plainText(text: string): string {
  return text.replace(CONTROL_SEQUENCES, "");
}

/** As `plainText`, but colors stay and end with the text. */
export function coloredText(text: string): string {
  let colored = false;
  const kept = text.replace(CONTROL_SEQUENCES, (sequence) => {
    if (!COLOR_SEQUENCE.test(sequence)) return "";
    colored = true;
    return sequence;
  });
  return colored ? kept + RESET_COLORS : kept;
}

/** The lines a terminal would end up showing: of progress bars that redraw themselves only the last state. */
export function shownLines(text: string): string[] {
  return text.split("\n").map((line) => line.split("\r").findLast((part) => part !== "") ?? "");
}
