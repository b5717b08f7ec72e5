import { describeFaults } from "./fault-cases.ts";
import { withSteps } from "./marked.ts";

const step = (keys: string) => withSteps(`{ ref: a, run: make, ${keys} }`);
const REF_RULE =
  'use lower-case letters, digits, "_" and "-", starting with a letter or digit, at most 63 characters';
const DURATION_RULE = "write a whole number and ms, s, m, h or d, such as 500ms or 10m";

describeFaults("faults of keys", {
  "missing keys": ["§§description: x", ["name", '"name" is required'], ["stages", '"stages" is required']],
  "a missing key of a step": [withSteps("§ref: a"), ["stages[0].steps[0].run", '"run" is required']],
  "an unknown key": [`§author: me\n${step("")}`, ["author", 'unknown key "author"']],
  "a misspelt key": [
    step("§neesd: []"),
    ["stages[0].steps[0].neesd", 'unknown key "neesd"; did you mean "needs"?'],
  ],
  "a misspelt key of retry": [
    step("retry: { §atempts: 2 }"),
    ["stages[0].steps[0].retry.atempts", 'unknown key "atempts"; did you mean "attempts"?'],
  ],
  "artifacts of a step that has no workspace": [
    withSteps("{ ref: a, type: approval, §artifacts: [dist] }"),
    [
      "stages[0].steps[0].artifacts",
      '"artifacts" belongs to steps of type "run", "build" or "test"; this one has type "approval"',
    ],
  ],
  "a key of another step type": [
    withSteps("{ ref: a, type: delay, duration: 1s, §run: make }", "{ ref: b, run: make, §duration: 1s }"),
    ["stages[0].steps[0].run", '"run" belongs to steps of type "run" or "build"; this one has type "delay"'],
    ["stages[0].steps[1].duration", '"duration" belongs to steps of type "delay"; this one has type "run"'],
  ],
  "a delay without a duration": [
    withSteps("§{ ref: a, type: delay }"),
    ["stages[0].steps[0].duration", '"duration" is required'],
  ],
});

const GLOB_RULE = "write a path or glob inside the workspace, such as dist/**";

describeFaults("faults of values", {
  "artifacts outside of the workspace": [
    step("artifacts: [dist/**, '!dist/tmp', §/etc/*, §../x, §'!a/../../x', §'{a,../b}', §'']"),
    ...["/etc/*", "../x", "!a/../../x", "{a,../b}", ""].map(
      (glob, i) =>
        [
          `stages[0].steps[0].artifacts[${i + 2}]`,
          `"${glob}" ${["is absolute", ...Array(3).fill("leads out of the workspace"), "is empty"][i]}: ${GLOB_RULE}`,
        ] as const,
    ),
  ],
  "wrong types": [
    withSteps("{ ref: a, run: §5, needs: §b, continueOnError: §yes, retry: §3, env: §[], name: §}"),
    ["stages[0].steps[0].run", "expected text, got the number 5: put it in quotes"],
    ["stages[0].steps[0].needs", 'expected a list, got "b": write [b]'],
    ["stages[0].steps[0].continueOnError", 'expected true or false, got "yes"'],
    ["stages[0].steps[0].retry", "expected a map, got the number 3"],
    ["stages[0].steps[0].env", "expected a map, got a list"],
    ["stages[0].steps[0].name", "expected text, got nothing: give a value or remove the key"],
  ],
  "a step that is no map": [withSteps("§make"), ["stages[0].steps[0]", 'expected a map, got "make"']],
  "a bad name": [
    'name: §"../ci"\nstages: [{ name: build, steps: [{ ref: a, run: make }] }]',
    [
      "name",
      '"../ci" is not a valid name: use letters, digits, " ", ".", "_" and "-", starting with a letter or digit, at most 100 characters',
    ],
  ],
  "a bad ref": [
    withSteps("{ ref: §Build it, run: make }"),
    ["stages[0].steps[0].ref", `"Build it" is not a valid step ref: ${REF_RULE}`],
  ],
  "bad durations": [
    withSteps("{ ref: a, run: make, timeout: §10 min, retry: { backoff: §1.5s, maxBackoff: §30 } }"),
    ["stages[0].steps[0].timeout", `"10 min" is not a duration: ${DURATION_RULE}`],
    ["stages[0].steps[0].retry.backoff", `"1.5s" is not a duration: ${DURATION_RULE}`],
    ["stages[0].steps[0].retry.maxBackoff", "expected a duration such as 30s, got the number 30"],
  ],
  "durations out of bounds": [
    `timeout: §31d\n${step("timeout: §0s")}`,
    ["timeout", "a duration can be at most 30d"],
    ["stages[0].steps[0].timeout", "this duration must be at least 1ms"],
  ],
  "a backoff above its limit": [
    step("retry: { backoff: §10m }"),
    ["stages[0].steps[0].retry.backoff", "backoff is longer than maxBackoff (default 5m)"],
  ],
  "numbers out of bounds": [
    step("retry: { attempts: §0, factor: §0.5 }"),
    ["stages[0].steps[0].retry.attempts", "must be at least 1"],
    ["stages[0].steps[0].retry.factor", "must be at least 1"],
  ],
  "half a try": [
    step("retry: { attempts: §1.5 }"),
    ["stages[0].steps[0].retry.attempts", "expected a whole number, got the number 1.5"],
  ],
  "an unknown condition": [
    step("when: §on_fail"),
    ["stages[0].steps[0].when", 'expected "on_success", "on_failure" or "always", got "on_fail"'],
  ],
  "a misspelt condition": [
    step("when: §on_failures"),
    [
      "stages[0].steps[0].when",
      'expected "on_success", "on_failure" or "always", got "on_failures"; did you mean "on_failure"?',
    ],
  ],
  "no stages": ["name: ci\nstages: §[]", ["stages", "must have at least 1 item"]],
  "no steps": [
    "name: ci\nstages: [{ name: build, steps: §[] }]",
    ["stages[0].steps", "must have at least 1 item"],
  ],
  "a bad variable": [
    step("env: { §A-B: 1, C: §[1], D: §}"),
    [
      "stages[0].steps[0].env.A-B",
      '"A-B" is not a valid variable name: use letters, digits and "_", not starting with a digit, at most 100 characters',
    ],
    ["stages[0].steps[0].env.C", "expected text, a number or true/false, got a list"],
    [
      "stages[0].steps[0].env.D",
      'expected text, a number or true/false, got nothing: write "" for empty text',
    ],
  ],
  "a bad shell": [
    step('shell: §"bash  -e"'),
    [
      "stages[0].steps[0].shell",
      '"bash  -e" is not a shell: write a program and its options, one space apart',
    ],
  ],
  "git options and helpers as a source": [
    `source: { git: §--upload-pack=x, ref: §-x }\n${step("")}`,
    [
      "source.git",
      '"--upload-pack=x" is not a git source: use an https, ssh or file URL, user@host:path, or "."',
    ],
    ["source.ref", '"-x" is not a branch, tag or commit'],
  ],
  "a transport that runs a command": [
    `source: { git: "§"ext::sh -c x" }\n${step("")}`.replace('"§"', '§"'),
    [
      "source.git",
      '"ext::sh -c x" is not a git source: use an https, ssh or file URL, user@host:path, or "."',
    ],
  ],
  "step types that do not exist": [
    withSteps("{ ref: a, type: §dealy }", "{ ref: b, type: §7 }"),
    ["stages[0].steps[0].type", 'unknown step type "dealy"; did you mean "delay"?'],
    ["stages[0].steps[1].type", 'expected a step type such as "run", got the number 7'],
  ],
});

describeFaults("faults of inputs", {
  "defaults of another type": [
    `inputs:
  a: { default: §1 }
  b: { type: number, default: §x }
  c: { type: boolean, default: §"true" }
  d: { type: choice, options: [x, y], default: §z }
${step("")}`,
    ["inputs.a.default", "expected text, got the number 1: put it in quotes"],
    ["inputs.b.default", 'expected a number, got "x"'],
    ["inputs.c.default", 'expected true or false, got "true"'],
    ["inputs.d.default", 'expected one of the options x, y; got "z"'],
  ],
  "keys that do not go together": [
    `inputs:
  a: §{ type: choice }
  b: { options: §[x] }
  c: { required: true, default: §x }
${step("")}`,
    ["inputs.a", 'an input of type "choice" needs "options"'],
    ["inputs.b.options", 'options belong to type "choice", not "string"'],
    ["inputs.c.default", "a required input never uses its default: remove one of the two"],
  ],
  "names that are or share a variable": [
    `inputs: { path: §{}, user: {}, User: §{} }\n${step("")}`,
    ["inputs.path", 'the input "path" would replace the system\'s variable $PATH'],
    ["inputs.User", 'the inputs "user" and "User" would both be the variable $USER'],
  ],
  "an unknown type": [
    `inputs: { a: { type: §strnig } }\n${step("")}`,
    [
      "inputs.a.type",
      'expected "string", "number", "boolean" or "choice", got "strnig"; did you mean "string"?',
    ],
  ],
});
