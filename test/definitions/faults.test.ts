import { expect, test } from "vitest";
import { formatFault } from "../../src/definitions/faults.ts";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";
import { describeFaults } from "./fault-cases.ts";
import { faultsOf, placeOf, unmark, withSteps } from "./marked.ts";

const step = (keys: string) => withSteps(`{ ref: a, run: make, ${keys} }`);

describeFaults("faults of yaml", {
  "an open bracket": [
    "name: ci\nstages: [§",
    ["", "not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]"],
  ],
  "a tab as indentation": [
    "name: ci\nstages:\n§\t- name: build",
    ["", "not valid YAML: Tabs are not allowed as indentation"],
  ],
  "faults on two lines, the first of each": [
    "name: §@a @b\ndescription: ci\ntimeout: §`1h",
    ["", "not valid YAML: Plain value cannot start with reserved character @"],
    ["", "not valid YAML: Plain value cannot start with reserved character `"],
  ],
  "an expression without quotes in braces": [
    "name: ci\nenv: { A: §${{ inputs.x }} }",
    ["", "inside { } and [ ], text with ${ must be in quotes"],
  ],
  "a second document": [
    "name: ci\n§---\nname: cd",
    ["", "a second YAML document starts here; a file holds one workflow"],
  ],
  "a tag": [step("name: §!secret x"), ["", "not valid YAML: Unresolved tag: !secret"]],
  "an empty file": ["§", ["", 'ci.yaml is empty: a workflow needs at least "name" and "stages"']],
  "a file of comments": [
    "§# nothing\n",
    ["", 'ci.yaml is empty: a workflow needs at least "name" and "stages"'],
  ],
  "a list": ["§[]", ["", "expected a map, got a list"]],
  "a key that stands twice": [
    step("§run: make test"),
    ["stages[0].steps[0].run", 'key "run" stands twice in this map'],
  ],
  "a key that is no text": [step("env: { §[1]: 2 }"), ["stages[0].steps[0].env", "a key must be plain text"]],
  "a merge key": [
    `env: &e { A: 1 }\n${step("env: { §<<: *e }")}`,
    ["stages[0].steps[0].env", "merge keys (<<) are not supported; use an alias for the whole value"],
  ],
  "a key that would be a prototype": [
    step("env: { §__proto__: x }"),
    ["stages[0].steps[0].env", 'the key "__proto__" is not allowed'],
  ],
  "an alias before its anchor": [
    step("needs: §*later"),
    ["stages[0].steps[0].needs", "no anchor &later stands before this alias"],
  ],
  "a number that JSON does not have": [
    step("env: { A: §.inf }"),
    ["stages[0].steps[0].env.A", ".inf is not a value that JSON can hold; put it in quotes if it is text"],
  ],
  "a NUL character": [
    step('name: §"a\\0b"'),
    ["stages[0].steps[0].name", "text cannot hold a NUL character"],
  ],
  "half of a surrogate pair": [
    step('name: §"\\uD800"'),
    ["stages[0].steps[0].name", "text cannot hold half of a surrogate pair"],
  ],
  "a fault behind an alias, reported where the alias stands": [
    withSteps("{ ref: a, run: make, retry: &r { attempts: §21 } }", "{ ref: b, run: make, retry: §*r }"),
    ["stages[0].steps[0].retry.attempts", "must be at most 20"],
    ["stages[0].steps[1].retry.attempts", "must be at most 20"],
  ],
});

describeFaults("faults of graph", {
  "a ref used twice": [
    withSteps("{ ref: a, run: make }", "{ ref: §a, run: make }"),
    ["stages[0].steps[1].ref", 'step ref "a" is used twice; every ref of a workflow must be unique'],
  ],
  "unknown needs": [
    withSteps("{ ref: compile, run: make }", "{ ref: b, run: make, needs: [compile, §compil, §nothing] }"),
    [
      "stages[0].steps[1].needs[1]",
      'step "b" needs "compil", which no step has as its ref; did you mean "compile"?',
    ],
    ["stages[0].steps[1].needs[2]", 'step "b" needs "nothing", which no step has as its ref'],
  ],
  "a need named twice": [
    withSteps("{ ref: a, run: make }", "{ ref: b, run: make, needs: [a, §a] }"),
    ["stages[0].steps[1].needs[1]", 'step "b" names "a" twice in its needs'],
  ],
  "a need in a later stage": [
    "name: ci\nstages:\n  - { name: one, steps: [{ ref: a, run: make, needs: [§b] }] }\n  - { name: two, steps: [{ ref: b, run: make }] }",
    ["stages[0].steps[0].needs[0]", 'step "a" needs "b" of a later stage, which would never start'],
  ],
  "a stage name used twice": [
    "name: ci\nstages:\n  - { name: one, steps: [{ ref: a, run: make }] }\n  - { name: §one, steps: [{ ref: b, run: make }] }",
    ["stages[1].name", 'stage name "one" is used twice; every stage of a workflow needs a name of its own'],
  ],
  "needs of a step without a ref": [
    withSteps("§{ run: make, needs: [§x] }"),
    ["stages[0].steps[0].ref", '"ref" is required'],
    ["stages[0].steps[0].needs[0]", 'step "stages[0].steps[0]" needs "x", which no step has as its ref'],
  ],
});

test("a cycle, an unknown ref, a duplicate ref and a bad duration are named in one answer", () => {
  const text = `name: ci
stages:
  - name: build
    steps:
      - { ref: a, run: make, needs: [c] }
      - { ref: b, run: make, timeout: soon }
      - { ref: b, run: make }
      - { ref: c, run: make, needs: [missing, a] }
`;
  const faults = faultsOf(text);
  expect(faults.map((fault) => [placeOf(fault), fault.path])).toEqual([
    ["5:38", "stages[0].steps[0].needs[0]"],
    ["6:39", "stages[0].steps[1].timeout"],
    ["7:16", "stages[0].steps[2].ref"],
    ["8:38", "stages[0].steps[3].needs[0]"],
  ]);
  expect(faults[0]?.message).toContain("a -> c -> a");
  expect(faults[1]?.message).toContain('"soon" is not a duration');
  expect(faults[2]?.message).toContain('"b" is used twice');
  expect(faults[3]?.message).toContain('needs "missing"');
});

test("a cycle is reported at the need that closes it, whatever stands before that need", () => {
  const { text, places } = unmark(
    withSteps("{ ref: a, run: make, needs: [x, y, §b] }", "{ ref: b, run: make, needs: [a] }"),
  );
  const cycle = faultsOf(text).find(({ message }) => message.includes("a -> b -> a"));
  expect(cycle && placeOf(cycle)).toBe(places[0]);
});

test("JSON has the same places", () => {
  const { text, places } = unmark(
    '{\n\t"name": "ci",\r\n\t"stages": [\n\t\t{ "name": "b", "steps": [ { "ref": "a", "run": §1 } ] }\n\t]\n}\n',
  );
  expect(faultsOf(text).map(placeOf)).toEqual(places);
});

test("columns count UTF-16 units, as editors do", () => {
  expect(faultsOf('name: ci # \u{1F680}\ndescription: ["\u{1F680}"]\nstages: []').map(placeOf)).toEqual([
    "2:14",
    "3:9",
  ]);
  expect(faultsOf('{ name: "\u{1F680}", stages: [] }').map(placeOf)).toEqual(["1:9", "1:23"]);
});

test("a very faulty file names the first 200 and how many more there are", () => {
  const faults = faultsOf(
    withSteps(...Array.from({ length: 300 }, (_, index) => `{ ref: S${index}, run: make }`)),
  );
  expect(faults).toHaveLength(201);
  expect(faults[199]).toMatchObject({ path: "stages[0].steps[199].ref", line: 204 });
  expect(faults[200]).toMatchObject({ message: "and 100 more faults further down", line: 204 });
});

test("a faulty file gives no definition", () => {
  expect(parseWorkflowFile("name: ci")).toMatchObject({ definition: null, graph: null });
});

test("a fault on one line for terminals", () => {
  const fault = { message: "no", path: "name", line: 3, column: 5 };
  expect(formatFault(fault, "ci.yaml")).toBe("ci.yaml:3:5: no");
});
