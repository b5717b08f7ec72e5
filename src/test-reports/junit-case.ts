import { CappedText, MAX_DETAILS_BYTES, messageOf } from "./capped-text.ts";
import { parseSeconds, parseTimestamp } from "./junit-values.ts";
import type { ReportedTest, TestOutput } from "./report.ts";
import { cleanName, joinNames, type TestKeys } from "./test-keys.ts";

export type Attributes = Readonly<Record<string, string>>;

/** What the suites around a case say about it. */
export interface SuitePlace {
  readonly names: readonly string[];
  readonly file: string | undefined;
  readonly timestamp: string | undefined;
}

/**
 * `failure` and `error` decide; of runs that were repeated until one passed, Surefire tells as `flaky...`, of the
 * repetitions of one that failed as `rerun...`.
 */
export const OUTCOME_ELEMENTS = [
  "failure",
  "error",
  "skipped",
  "flakyFailure",
  "flakyError",
  "rerunFailure",
  "rerunError",
] as const;
export type OutcomeElement = (typeof OUTCOME_ELEMENTS)[number];

interface Outcome {
  readonly element: OutcomeElement;
  readonly attributes: Attributes;
  readonly text: string | null;
}

const NOT_RUN = /^(notrun|skipped|disabled|ignored)$/i;

/** A `testcase` element, gathered until it ends. */
export class JunitCase {
  readonly output: TestOutput[] = [];
  private readonly outcomes: Outcome[] = [];

  constructor(
    private readonly attributes: Attributes,
    private readonly place: SuitePlace,
  ) {}

  add(element: OutcomeElement, attributes: Attributes, text: string | null): void {
    this.outcomes.push({ element, attributes, text });
  }

  toTest(keys: TestKeys): ReportedTest {
    const { attributes, place } = this;
    const className = cleanName(attributes["classname"] ?? attributes["class"] ?? "");
    const name = cleanName(attributes["name"] ?? "") || className || "unnamed";
    const status = this.status();
    const startedAt = parseTimestamp(attributes["timestamp"]) ?? parseTimestamp(place.timestamp);
    return {
      key: keys.keyOf([...place.names, className, name]),
      name,
      suite: joinNames([...place.names, className].filter((part, index, all) => part !== all[index - 1])),
      file: cleanName(attributes["file"] ?? attributes["filepath"] ?? place.file ?? "") || null,
      status,
      startedAt,
      durationMs: parseSeconds(attributes["time"]),
      message: this.message(),
      details: this.details(status),
      output: this.output,
    };
  }

  private has(...elements: OutcomeElement[]): boolean {
    return this.outcomes.some(({ element }) => elements.includes(element));
  }

  private status(): ReportedTest["status"] {
    if (this.has("error")) return "ERRORED";
    if (this.has("failure")) return "FAILED";
    if (this.has("skipped") || NOT_RUN.test(this.attributes["status"] ?? "")) return "SKIPPED";
    return "PASSED";
  }

  private message(): string | null {
    const told = this.outcomes.filter(({ element }) => /^(failure|error|skipped)$/.test(element));
    const flaky = this.outcomes.length - told.length;
    const [first] = told;
    if (first === undefined)
      return flaky === 0 ? null : `passed after ${flaky} failed ${flaky === 1 ? "try" : "tries"}`;
    const { attributes, text } = first;
    return (
      messageOf(attributes["message"] ?? "") ?? messageOf(text ?? "") ?? messageOf(attributes["type"] ?? "")
    );
  }

  private details(status: ReportedTest["status"]): string | null {
    const { line, file } = this.attributes;
    const details = new CappedText(MAX_DETAILS_BYTES);
    if (line && file && /^(FAILED|ERRORED)$/.test(status)) details.append(`${file}:${line}\n`);
    for (const { element, attributes, text } of this.outcomes) {
      if (element === "skipped" && text === null) continue;
      const title = [attributes["type"], attributes["message"]].filter(Boolean).join(": ");
      const heading = this.outcomes.length > 1 ? `${element}: ${title}`.replace(/: $/, "") : title;
      // Stack traces mostly begin with what the attributes say.
      if (heading !== "" && !text?.trimStart().startsWith(title || heading)) details.append(`${heading}\n`);
      if (text !== null) details.append(`${text.trim()}\n`);
    }
    return details.value?.trimEnd() ?? null;
  }
}
