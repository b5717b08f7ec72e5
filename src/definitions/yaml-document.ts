import { Composer, type Document, Lexer, type ParsedNode, Parser } from "yaml";

export interface YamlProblem {
  readonly message: string;
  readonly offset: number;
}

/** What the text says; when there are problems it cannot be trusted. */
export interface YamlDocument {
  readonly contents: ParsedNode | null;
  readonly problems: readonly YamlProblem[];
}

/** Nearly twice what 10,000 steps with every key need. */
const MAX_LEXEMES = 2_500_000;
/** In collections that are open at once; the deepest value of a workflow has about ten around it. */
const MAX_DEPTH = 64;
const MAX_PROBLEMS = 500;

/**
 * Reads one YAML 1.2 document (JSON is one too). The library itself has no limits: 4 MiB of brackets cost it
 * 4 GB and a minute, 4 MiB of quotes as much. So its parts are driven step by step and stopped in time.
 */
export function readYaml(text: string): YamlDocument {
  const composer = new Composer({
    schema: "core",
    merge: false,
    prettyErrors: false,
    // Its check compares every key with every other one; the walk over the nodes uses a set.
    uniqueKeys: false,
    logLevel: "silent",
  });
  const documents: Document.Parsed[] = [];
  try {
    limitProblems(composer);
    for (const document of composer.compose(tokensOf(text), true, text.length)) {
      documents.push(document);
      if (documents.length > 1) break;
    }
  } catch (error) {
    if (!(error instanceof LimitReached)) throw error;
    const { message, offset, before } = error;
    const problems = firstOfEachLine(
      before.map((problem) => explain(problem, text)),
      text,
    );
    return { contents: null, problems: [...problems, { message, offset }] };
  }
  const [document, extra] = documents;
  const problems = [...(document?.errors ?? []), ...(document?.warnings ?? [])].map((error) =>
    explain(error, text),
  );
  if (extra !== undefined) {
    problems.push({
      message: "a second YAML document starts here; a file holds one workflow",
      offset: extra.range[0],
    });
  }
  return { contents: document?.contents ?? null, problems: firstOfEachLine(problems, text) };
}

/** What follows on the same line is the echo of the first. */
function firstOfEachLine(problems: readonly YamlProblem[], text: string): YamlProblem[] {
  const first: YamlProblem[] = [];
  for (const problem of problems.toSorted((left, right) => left.offset - right.offset)) {
    const before = first.at(-1);
    if (before === undefined || text.slice(before.offset, problem.offset).includes("\n")) first.push(problem);
  }
  return first;
}

type LibraryProblem = Pick<Document.Parsed["errors"][number], "message" | "pos">;

function explain({ message, pos }: LibraryProblem, text: string): YamlProblem {
  const offset = pos[0];
  if (text.startsWith("${", offset - 1)) {
    return { message: "inside { } and [ ], text with ${ must be in quotes", offset: offset - 1 };
  }
  return { message: `not valid YAML: ${message}`, offset };
}

class LimitReached extends Error {
  constructor(
    message: string,
    readonly offset: number,
    readonly before: readonly LibraryProblem[] = [],
  ) {
    super(message);
  }
}

function* tokensOf(text: string) {
  const parser = new Parser();
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      yield token;
      // The parser has lost its way: from here on it would complain about everything.
      if (token.type === "error") return;
    }
    if (++lexemes > MAX_LEXEMES) throw new LimitReached("the file is too large from here on", parser.offset);
    if (parser.stack.length > MAX_DEPTH) throw new LimitReached("this is nested too deeply", parser.offset);
  }
  yield* parser.end();
}

/** The composer collects its problems in two arrays: once they are long enough, the next one ends the work. */
function limitProblems(composer: Composer): void {
  const { errors, warnings } = composer.streamInfo();
  for (const list of [errors, warnings] as LibraryProblem[][]) {
    const push = list.push.bind(list);
    list.push = (...items) => {
      if (list.length < MAX_PROBLEMS) return push(...items);
      throw new LimitReached("too many errors, reading stopped here", items[0]?.pos[0] ?? 0, [...list]);
    };
  }
}
