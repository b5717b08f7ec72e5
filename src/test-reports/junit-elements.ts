import { CappedText, MAX_DETAILS_BYTES, MAX_OUTPUT_BYTES } from "./capped-text.ts";
import {
  type Attributes,
  JunitCase,
  OUTCOME_ELEMENTS,
  type OutcomeElement,
  type SuitePlace,
} from "./junit-case.ts";
import { ReportError, type ReportedTest, type ReportListener, type TestOutput } from "./report.ts";
import { joinNames } from "./test-keys.ts";

/** An open element: what its children mean, where its text goes, and what its end completes. */
export interface Element {
  child(name: string, attributes: Attributes): Element;
  readonly text?: CappedText;
  close?(): void;
}

type Listener = Pick<ReportListener, "keys" | "onSuiteOutput"> & { onTest(test: ReportedTest): void };

const IGNORED: Element = { child: () => IGNORED };

const STREAMS: Readonly<Record<string, TestOutput["stream"]>> = {
  "system-out": "stdout",
  "system-err": "stderr",
};

const OUTSIDE: SuitePlace = { names: [], file: undefined, timestamp: undefined };

/** What a JUnit file as a whole may hold. */
export function junitDocument(listener: Listener): Element {
  return {
    child(name, attributes) {
      if (name === "testsuite") return suiteElement(attributes, OUTSIDE, listener);
      if (name === "testsuites" || name === "testrun") return containerElement(OUTSIDE, listener);
      throw new ReportError(`the root element is <${name}>, where <testsuites> or <testsuite> is expected`);
    },
  };
}

function containerElement(place: SuitePlace, listener: Listener): Element {
  return {
    child(name, attributes) {
      if (name === "testsuite") return suiteElement(attributes, place, listener);
      if (name === "testcase") return caseElement(new JunitCase(attributes, place), listener);
      const stream = STREAMS[name];
      if (stream === undefined) return IGNORED;
      const suite = joinNames(place.names) ?? "";
      return outputElement(stream, (output) => listener.onSuiteOutput?.(suite, output));
    },
  };
}

function suiteElement(attributes: Attributes, outer: SuitePlace, listener: Listener): Element {
  const place = {
    names: [...outer.names, attributes["name"] ?? ""],
    file: attributes["file"] ?? attributes["filepath"] ?? outer.file,
    timestamp: attributes["timestamp"] ?? outer.timestamp,
  };
  return containerElement(place, listener);
}

function caseElement(test: JunitCase, listener: Listener): Element {
  return {
    child(name, attributes) {
      const stream = STREAMS[name];
      if (stream !== undefined) return outputElement(stream, (output) => test.output.push(output));
      const known = OUTCOME_ELEMENTS.find((element) => element === name);
      return known === undefined ? IGNORED : outcomeElement(known, attributes, test);
    },
    close: () => listener.onTest(test.toTest(listener.keys)),
  };
}

function outcomeElement(element: OutcomeElement, attributes: Attributes, test: JunitCase): Element {
  const text = new CappedText(MAX_DETAILS_BYTES);
  return {
    text,
    child(name) {
      const stream = STREAMS[name];
      if (stream !== undefined) return outputElement(stream, (output) => test.output.push(output));
      // Surefire wraps the stack of a repeated run.
      return name === "stackTrace" ? { text, child: () => IGNORED } : IGNORED;
    },
    close: () => test.add(element, attributes, text.value),
  };
}

function outputElement(stream: TestOutput["stream"], done: (output: TestOutput) => void): Element {
  const text = new CappedText(MAX_OUTPUT_BYTES);
  return {
    text,
    child: () => IGNORED,
    close() {
      if (text.value !== null) done({ stream, text: text.value });
    },
  };
}
