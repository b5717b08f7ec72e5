import { LineCounter } from "yaml";
import { closest } from "./closest.ts";

/** One thing that is wrong with a workflow file, and where. */
export interface Fault {
  readonly message: string;
  /** Where in the file's structure, such as "stages[0].steps[1].needs[0]"; "" = the file as a whole. */
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units. */
  readonly column: number;
}

export type Path = readonly (string | number)[];

/** A fault before its place is turned into line and column. */
export interface Finding {
  readonly message: string;
  readonly path: Path;
  readonly offset: number;
  /** A misspelt word and what it may have meant: compared only for the findings that are shown. */
  readonly meant?: { readonly word: string; readonly candidates: readonly string[] };
}

/** Nobody reads more, and a hostile file must not blow its answer up. */
export const MAX_FAULTS = 200;

/** Looking for what was meant among 10,000 refs takes a while: only the first faults of such a file get a guess. */
const MAX_COMPARISONS = 100_000;

/** A cycle can have 10,000 steps. */
const MAX_MESSAGE_LENGTH = 1_000;

/** Where the lines of a text begin. */
export function lineCounterOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines.addNewLine(at + 1);
  return lines;
}

/** The findings in the order of the file, each once, the first {@link MAX_FAULTS} of them. */
export function toFaults(findings: readonly Finding[], lines: LineCounter): Fault[] {
  const seen = new Set<string>();
  const distinct = findings
    .toSorted((left, right) => left.offset - right.offset)
    .filter(({ offset, message, path }) => {
      const key = `${offset} ${formatPath(path)} ${message}`;
      return seen.has(key) ? false : seen.add(key);
    });
  let comparisons = MAX_COMPARISONS;
  const faults = distinct.slice(0, MAX_FAULTS).map((finding) => {
    comparisons -= finding.meant?.candidates.length ?? 0;
    return toFault(finding, lines, comparisons >= 0);
  });
  const last = faults.at(-1);
  const more = distinct.length - faults.length;
  if (last !== undefined && more > 0) {
    faults.push({
      ...last,
      path: "",
      message: `and ${more} more ${more === 1 ? "fault" : "faults"} further down`,
    });
  }
  return faults;
}

function toFault({ message, path, offset, meant }: Finding, lines: LineCounter, mayGuess: boolean): Fault {
  const { line, col } = lines.linePos(offset);
  const guess = meant && mayGuess ? closest(meant.word, meant.candidates) : null;
  const short = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}...` : message;
  return {
    message: guess ? `${short}; did you mean "${guess}"?` : short,
    path: formatPath(path),
    line,
    column: col,
  };
}

export function formatPath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}

/** One line for a terminal: `ci.yaml:3:5: message`. */
export function formatFault(fault: Fault, fileName: string): string {
  return `${fileName}:${fault.line}:${fault.column}: ${fault.message}`;
}
