import { SETTING_LIST } from "./settings.ts";

const PREFIX = "RUNCAST_";

/** The runner sets this one, with others of its own, in the environment of every step. */
const INSIDE_A_STEP = "RUNCAST_FENCE";

const variables = SETTING_LIST.map((setting) => setting.variable);
const known: ReadonlySet<string> = new Set(variables);

/** One warning for each RUNCAST_ variable that is no setting; inside a step only for probable misspellings. */
export function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(environment)
    .filter((variable) => variable.startsWith(PREFIX) && !known.has(variable))
    .sort()
    .flatMap((variable) => {
      const suggestion = closest(variable);
      if (suggestion !== undefined) return [`${variable} is no setting; did you mean ${suggestion}?`];
      return environment[INSIDE_A_STEP] === undefined ? [`${variable} is no setting and has no effect`] : [];
    });
}

function closest(unknown: string): string | undefined {
  const withoutPrefix = unknown.slice(PREFIX.length);
  if (known.has(withoutPrefix)) return withoutPrefix;
  // One slip in four letters; two at least, since swapped letters count as two.
  const tolerance = Math.max(2, Math.floor(withoutPrefix.length / 4));
  return variables
    .map((variable) => ({ variable, distance: editDistance(unknown, variable) }))
    .filter(({ distance }) => distance <= tolerance)
    .sort((a, b) => a.distance - b.distance)[0]?.variable;
}

/** Insertions, deletions and replacements (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
