import { describe, expect, test } from "vitest";
import { parseWorkflowFile } from "../../src/definitions/parse-workflow-file.ts";
import { describeFaults } from "./fault-cases.ts";
import { faultsOf, withSteps } from "./marked.ts";

/** The only step of a file, as it is stored. */
function stepOf(keys: string) {
  const { definition, faults } = parseWorkflowFile(withSteps(`{ ref: a, ${keys} }`));
  expect(faults).toEqual([]);
  return definition!.stages[0]!.steps[0]!;
}

const HOUR_MS = 3_600_000;

describe("a step", () => {
  test("approval, with its defaults and with every key", () => {
    expect(stepOf("type: approval")).toMatchObject({
      type: "APPROVAL",
      waitsFor: "APPROVAL",
      approval: { quorum: 1, approvers: null, selfApproval: true, prompt: null },
      patienceMs: null,
      continueOnError: false,
      run: null,
    });
    const keys =
      "quorum: 2, approvers: [ada, grace], selfApproval: false, prompt: Go?, timeout: 24h, continueOnError: true";
    expect(stepOf(`type: approval, ${keys}`)).toMatchObject({
      approval: { quorum: 2, approvers: ["ada", "grace"], selfApproval: false, prompt: "Go?" },
      patienceMs: 24 * HOUR_MS,
      continueOnError: true,
    });
  });

  test("external", () => {
    expect(stepOf("type: external")).toMatchObject({
      type: "EXTERNAL",
      waitsFor: "EXTERNAL",
      patienceMs: null,
    });
    expect(stepOf("type: external, timeout: 1h").patienceMs).toBe(HOUR_MS);
  });

  test("build, with a command and without", () => {
    expect(stepOf("type: build, run: make, env: { A: 1 }, queue: gpu, retry: { attempts: 2 }")).toMatchObject(
      {
        type: "BUILD",
        waitsFor: "RUNNER",
        run: "make",
        shell: "sh -e",
        env: [{ key: "A", value: "1" }],
        queue: "gpu",
        retry: { attempts: 2 },
        timeoutMs: HOUR_MS,
        patienceMs: null,
      },
    );
    expect(stepOf("type: build, timeout: 2h, continueOnError: true")).toMatchObject({
      type: "BUILD",
      waitsFor: "EXTERNAL",
      run: null,
      patienceMs: 2 * HOUR_MS,
      continueOnError: true,
    });
  });

  test("http, with its defaults and with every key", () => {
    expect(stepOf("type: http, url: 'https://example.org/x'")).toMatchObject({
      type: "HTTP",
      waitsFor: "RUNNER",
      http: {
        method: "GET",
        url: "https://example.org/x",
        headers: [],
        body: null,
        json: false,
        expect: [{ from: 200, to: 299 }],
      },
      timeoutMs: 60_000,
      retry: { attempts: 1 },
    });
    const http = stepOf(
      "type: http, url: 'http://e.org', method: PUT, headers: { X-Level: 1.10 }, body: text, expect: [204, 400-404]",
    ).http;
    expect(http).toEqual({
      method: "PUT",
      url: "http://e.org",
      headers: [{ key: "X-Level", value: "1.10" }],
      body: "text",
      json: false,
      expect: [
        { from: 204, to: 204 },
        { from: 400, to: 404 },
      ],
    });
  });

  test("http with a body that is JSON", () => {
    const { http } = stepOf("type: http, url: 'http://e.org', body: { a: [1, true, null], b: x }");
    expect(http).toMatchObject({ body: '{"a":[1,true,null],"b":"x"}', json: true });
  });

  test("workflow, its inputs as they are written", () => {
    expect(stepOf("type: workflow, workflow: Nightly build, inputs: { a: 1.10, b: no }")).toMatchObject({
      type: "WORKFLOW",
      waitsFor: "CHILD_RUN",
      child: { workflow: "Nightly build", inputs: { a: "1.10", b: "no" } },
    });
  });
});

const at = (key: string) => `stages[0].steps[0].${key}`;
const only = (keys: string) => withSteps(`{ ref: a, ${keys} }`);

describeFaults("faults of step types", {
  "keys of several other types": [
    only("run: make, §url: x, §quorum: 1, §workflow: x"),
    [at("url"), '"url" belongs to steps of type "http"; this one has type "run"'],
    [at("quorum"), '"quorum" belongs to steps of type "approval"; this one has type "run"'],
    [at("workflow"), '"workflow" belongs to steps of type "workflow"; this one has type "run"'],
  ],
  "a key that four types have, at a fifth": [
    only("type: approval, §retry: {}"),
    [
      at("retry"),
      '"retry" belongs to steps of type "run", "build", "test" or "http"; this one has type "approval"',
    ],
  ],
  "a misspelt key of an http step": [
    only("type: http, url: 'http://e.org', §header: {}"),
    [at("header"), 'unknown key "header"; did you mean "headers"?'],
  ],
  "keys of a command without one": [
    only("type: build, §env: {}, §shell: sh, §queue: x, timeout: 1h"),
    ...["env", "shell", "queue"].map(
      (key) =>
        [
          at(key),
          `"${key}" is about the command of a build step, and this one has no "run": it waits until another system completes it`,
        ] as const,
    ),
  ],
  "a quorum of more than there are": [
    only("type: approval, approvers: [ada], quorum: §2"),
    [at("quorum"), "a quorum of 2 can never be reached: 1 approver is named"],
  ],
  "an approver twice, which makes the quorum unreachable": [
    only("type: approval, quorum: §2, approvers: [ada, §ada]"),
    [at("quorum"), "a quorum of 2 can never be reached: 1 approver is named"],
    [at("approvers[1]"), '"ada" is named twice'],
  ],
  "a quorum of nobody, and no approvers": [
    only("type: approval, quorum: §0, approvers: §[]"),
    [at("quorum"), "must be at least 1"],
    [at("approvers"), "must have at least 1 item"],
  ],
  "an http step without url": [withSteps("§{ ref: a, type: http }"), [at("url"), '"url" is required']],
  "what is no http URL": [
    only("type: http, url: §'ftp://example.org'"),
    [at("url"), '"ftp://example.org" is not an http or https URL'],
  ],
  "a method in lower case": [
    only("type: http, url: 'http://e.org', method: §post"),
    [
      at("method"),
      'expected "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" or "OPTIONS", got "post"; did you mean "POST"?',
    ],
  ],
  "status codes that are none": [
    only("type: http, url: 'http://e.org', expect: [200, §2xx, §99, §299-200, §true]"),
    [at("expect[1]"), 'expected a status code such as 204 or a range such as "200-299", got "2xx"'],
    [at("expect[2]"), 'expected a status code such as 204 or a range such as "200-299", got the number 99'],
    [at("expect[3]"), "this range ends before it begins"],
    [at("expect[4]"), 'expected a status code such as 204 or a range such as "200-299", got true'],
  ],
  "headers that are none or the runner's own": [
    only("type: http, url: 'http://e.org', headers: { §'a b': x, §Content-Length: 1 }"),
    [
      at('headers["a b"]'),
      '"a b" is not a valid header name: use letters, digits and "-", at most 100 characters',
    ],
    [at("headers.Content-Length"), 'the header "Content-Length" is the runner\'s own'],
  ],
  "a header twice": [
    only("type: http, url: 'http://e.org', headers: { X-A: 1, x-a: §2 }"),
    [at("headers.x-a"), 'the header "x-a" stands twice'],
  ],
  "a body of nothing": [
    only("type: http, url: 'http://e.org', body: §null"),
    [at("body"), "expected text or a JSON value, got nothing: give a value or remove the key"],
  ],
  "a workflow step without a workflow, and with a bad input": [
    withSteps("§{ ref: a, type: workflow, inputs: { A: §[] } }"),
    [at("workflow"), '"workflow" is required'],
    [at("inputs.A"), "expected text, a number or true/false, got a list"],
  ],
  "a need of a workflow for more parallel steps than there can be": [
    `maxParallelSteps: §0\n${only("run: make")}`,
    ["maxParallelSteps", "must be at least 1"],
  ],
});

describeFaults("faults of expressions in requests and inputs of runs", {
  "unknown inputs, steps that are not over, and what cannot be evaluated": [
    withSteps(
      "{ ref: other, run: make }",
      `ref: a
        type: http
        url: https://example.org/§\${{ inputs.nothing }}
        headers: { X-A: "§\${{ steps.other.outputs.x }}" }
        body: { deep: [ { er: "§\${{ steps.a.outputs.x }}" } ], plain: "§\${{ env.X }}" }`,
    ),
    ["stages[0].steps[1].url", 'the workflow has no input "nothing"'],
    [
      "stages[0].steps[1].headers.X-A",
      'step "other" may not have finished when this step starts: add it to "needs" of this step',
    ],
    ["stages[0].steps[1].body.deep[0].er", "a step cannot use its own outputs"],
    [
      "stages[0].steps[1].body.plain",
      '"${{ env.X }}" cannot be evaluated: use ${{ inputs.NAME }}, ${{ steps.REF.outputs.KEY }} or ${{ secrets.NAME }}',
    ],
  ],
  "the inputs of a workflow step": [
    only('type: workflow, workflow: b, inputs: { x: "§${{ inputs.nothing }}" }'),
    [at("inputs.x"), 'the workflow has no input "nothing"'],
  ],
  "other keys of these types": [
    only('type: approval, prompt: "§${{ inputs.nothing }}"'),
    [
      at("prompt"),
      'expressions are evaluated only in the values of "env", in the request of an http step, in the "inputs" of a workflow step and in the workflow\'s "outputs"',
    ],
  ],
  "the command of a build step": [
    `inputs: { target: {} }\n${only("type: build, run: 'make §${{ inputs.target }}'")}`,
    [at("run"), 'expressions are not allowed in commands: use the variable of the input, "$TARGET"'],
  ],
});

test("requests and inputs of runs may use inputs and steps that are over", () => {
  const file = `inputs: { base: {} }\n${withSteps(
    "{ ref: one, run: make }",
    "{ ref: ask, type: approval }",
    `ref: a
        type: http
        needs: [one, ask]
        url: \${{ inputs.base }}/\${{ steps.one.outputs.path }}
        body: [ "\${{ steps.one.outputs.x }}" ]`,
    `ref: b
        type: workflow
        needs: [a]
        workflow: other
        inputs: { status: "\${{ steps.a.outputs.body.id }}" }`,
  )}`;
  expect(faultsOf(file)).toEqual([]);
});
