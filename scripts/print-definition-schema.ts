/**
 * Writes the JSON Schema of workflow files and the reference of their keys; with --check it only compares.
 * Both come from the model that checks the files, so neither can promise something else.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { DURATION_PATTERN } from "../src/definitions/duration.ts";
import { MAX_ENV_ENTRIES, MAX_NEEDS, MAX_STAGES, MAX_STEPS } from "../src/definitions/limits.ts";
import { STEP_MODELS } from "../src/definitions/step-model.ts";
import { workflowModel } from "../src/definitions/workflow-model.ts";

type Schema = z.core.JSONSchema.JSONSchema;
type Section = readonly [title: string, schema: Schema];

const schema = z.toJSONSchema(workflowModel, {
  io: "input",
  target: "draft-7",
  override({ zodSchema, jsonSchema }) {
    // Dropped by default for texts that are turned into something else, such as durations.
    const examples = z.globalRegistry.get(zodSchema)?.examples;
    if (Array.isArray(examples)) jsonSchema.examples = examples;
  },
}) as Schema;

function property(owner: Schema, key: string): Schema {
  const value = owner.properties?.[key];
  if (typeof value !== "object") throw new Error(`the model has no ${key} where this script looks for it`);
  return value;
}

const stage = property(schema, "stages").items as Schema;
const steps = (property(stage, "steps").items as Schema).oneOf as Schema[];
const stepSections = Object.keys(STEP_MODELS).map((type): Section => {
  const step = steps.find((candidate) => property(candidate, "type").const === type);
  if (step === undefined) throw new Error(`the model has no step of type ${type}`);
  return [`${type === "http" ? "HTTP" : type[0]!.toUpperCase() + type.slice(1)} step`, step];
});
function sectionOf(title: string): Schema {
  return stepSections.find(([name]) => name === title)![1];
}

const sections: readonly Section[] = [
  ["Workflow", schema],
  ["Input", property(schema, "inputs").additionalProperties as Schema],
  ["Source", property(schema, "source")],
  ["Stage", stage],
  ...stepSections,
  ["Test", property(sectionOf("Test step"), "test")],
  ["Retry", property(stepSections[0]![1], "retry")],
];

function typeOf(value: Schema): string {
  const section = sections.find(([, known]) => isDeepStrictEqual(known, value));
  if (section !== undefined)
    return `[${section[0].toLowerCase()}](#${section[0].toLowerCase().replace(" ", "-")})`;
  if (value.enum !== undefined) return value.enum.map((option) => `\`${String(option)}\``).join(", ");
  if (value.const !== undefined) return `\`${String(value.const)}\``;
  const alternatives = value.anyOf ?? value.oneOf;
  if (alternatives !== undefined) return (alternatives as Schema[]).map(typeOf).join(" or ");
  if (value.type === "array") return `list: ${typeOf(value.items as Schema)}`;
  if (value.type === "object") return `map: name to ${typeOf(value.additionalProperties as Schema)}`;
  if (value.pattern === DURATION_PATTERN.source) return "[duration](#durations)";
  if (value.type === "integer" || value.type === "number") return numberType(value);
  if (value.type === undefined) return "any value";
  return value.type === "boolean" ? "true or false" : "text";
}

function numberType({ type, minimum, maximum }: Schema): string {
  const kind = type === "integer" ? "whole number" : "number";
  return minimum === undefined || maximum === undefined ? kind : `${kind}, ${minimum} to ${maximum}`;
}

function tableOf([title, { properties = {}, required = [] }]: Section): string {
  const rows = Object.entries(properties).map(([key, property]) => {
    const value = property as Schema;
    const fallback = required.includes(key) ? "**required**" : code(value.default);
    const example = code((value.examples as unknown[] | undefined)?.[0] ?? value.const ?? value.enum?.[0]);
    const cells = [`\`${key}\``, typeOf(value), fallback, example, value.description ?? ""];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return [`## ${title}`, "", "| key | type | default | example | |", "|---|---|---|---|---|", ...rows].join(
    "\n",
  );
}

/** As it would stand in a file, on one line. */
function code(value: unknown): string {
  if (value === undefined) return "";
  const text = typeof value === "string" && /^[\w./-]/.test(value) ? value : JSON.stringify(value);
  return `\`${text}\``;
}

const guide = `# The workflow file

<!-- Written by scripts/print-definition-schema.ts: change the model or the script, not this page. -->

A workflow is one YAML 1.2 or JSON file. \`schema/workflow.schema.json\` describes it to editors; with the YAML
language server, the first line of a file can name it:

    # yaml-language-server: $schema=schema/workflow.schema.json
    name: ci
    inputs:
      target: { type: choice, options: [debug, release], default: debug }
    source: { git: https://example.org/app.git, ref: main }
    stages:
      - name: build
        steps:
          - { ref: compile, run: make -j2 "$TARGET", timeout: 10m, retry: { attempts: 2, backoff: 5s } }
          - { ref: lint, run: make lint, continueOnError: true }
      - name: publish
        steps:
          - ref: upload
            run: ./upload.sh "$VERSION"
            env: { VERSION: "\${{ steps.compile.outputs.version }}" }
          - { ref: alert, run: ./alert.sh, when: on_failure, needs: [upload] }

A faulty file is refused with all of its faults at once, each with line and column. Unknown keys are faults. A
text that is no YAML answers with the YAML errors alone, the first of each line.
`;

const rules = `## Durations

A whole number and a unit: \`500ms\`, \`30s\`, \`10m\`, \`2h\`, \`1d\`; at most \`30d\`.

## Environment

A command sees a few variables of the runner's machine (\`PATH\`, \`HOME\`, \`LANG\` and such), and over them, the
later one winning: the inputs, \`env\` of the workflow, \`env\` of the step, the variables that the run was started
with, and last Runcast's own (\`RUNCAST_OUTPUT\`, \`RUNCAST_API_URL\` and others).

- Input \`target\` is the variable \`TARGET\`. An optional input that has neither value nor default is not set.
- Values are text, numbers or true/false, and arrive as they are written: \`1.10\` stays \`1.10\`.
- \`\${NAME}\` in a value is what NAME has been set to before, in the order above and then in that of the file. A
  name that nothing has set stays as it is written: the variables of the runner's machine are not known here, so
  write \`export PATH=/opt/bin:$PATH\` in the command. \`$\${NAME}\` is the text \`\${NAME}\`.

## Expressions

\`\${{ inputs.NAME }}\` and \`\${{ steps.REF.outputs.KEY }}\` are filled in where they stand in the values of \`env\`,
in \`url\`, \`headers\` and \`body\` of an http step, in the \`inputs\` of a workflow step and in the workflow's
\`outputs\`, and nowhere else. \`$\${{\` is the text \`\${{\`. Inside \`{ }\` and
\`[ ]\`, YAML wants a value with \`\${\` in quotes.

- \`\${{ secrets.NAME }}\` has rules of its own, see [Secrets](#secrets).
- In a command they are refused: whatever is pasted into a command can become a command. Set a variable in \`env\`
  and use that, in double quotes.
- A step can use the outputs of steps that are over when it starts: those that it needs, directly or through
  others, and those of the stages that it waits for. The workflow's \`env\` can use inputs only.
- What has no value is empty text: an input that was not given, a key that the step did not write, a step that was
  skipped. Lists and maps arrive as JSON; \`KEY\` can lead inside, as in \`outputs.image.digest\`.

A command writes its outputs to the file \`$RUNCAST_OUTPUT\`: lines of \`key=value\`, or one JSON object. The outputs
of an http step are \`status\`, \`headers\` and \`body\`, those of a workflow step are the outputs of its run.

## Tests

A test step succeeds when every one of its tests passed, was skipped or was waived by a reviewer.

- **\`discover\`** prints one test a line: an id such as \`cart/empty\`, or a JSON object
  \`{"id": "cart/empty", "name": "An empty cart", "suite": "cart", "file": "cart.spec"}\` of which only \`id\` is
  required (\`key\` is taken as well). Empty lines and lines that begin with \`#\` are skipped. The id is the
  test's key: 1 to 500 characters, unique in the step, and the same from run to run, since the test's history and its
  waivers belong to it. Then \`run\` is executed once for each test, \`parallel\` at a time, all of them in the
  run's workspace. Exit code 0 means passed, 77 skipped, any other failed; a test that cannot be started or is killed by
  a signal is an error. What it prints is kept as its own log, the last line also as its message unless it passed.
- **\`report\`** names the files that \`run\` writes. Files that match before the command starts are removed, so that
  none of an earlier attempt is taken for a result of this one. The exit code counts only if the report holds no
  failing test. Files that cannot be read fail the step and do not keep the others from being read.
- In JUnit XML the key of a test is made of the names of its suites, the \`classname\`, and the \`name\`, joined by
  \` > \`; a suite that is named like the one around it, and a class that is named like its suite, are left out.
  In TAP it is the names of its subtests and its own. Later ones of the same key get \` #2\`, \` #3\`; keys
  above 500 characters are cut and end in a hash of the whole. Tests marked \`todo\` in TAP are skipped.
- Variables of every command of the step: \`RUNCAST_TEST_SUITE\`, \`RUNCAST_RELEASE_IDS\` (separated by commas) and
  \`RUNCAST_TEST_CONFIGURATION\` (path of a JSON file), as \`submitTests\` set them. Of a single test also:
  \`RUNCAST_TEST_ID\`, \`RUNCAST_TEST_NAME\`, \`RUNCAST_TEST_ATTEMPT\`. When chosen tests of a report are run again,
  the whole command is, and the file \`$RUNCAST_TESTS_FILE\` lists their keys, one a line; only their results count.
  At most 500 go into one execution. It is stopped when all of them are aborted; one that is aborted among others runs on.

## Secrets

\`\${{ secrets.NAME }}\` is the value that \`setSecret\` gave to the workflow, or else to its project. It can stand in the values
of \`env\`, of the workflow and of steps, and in \`url\`, \`headers\` and \`body\` of an http step. It is put in when the step is
handed to a runner and kept nowhere: not in the run, nor in its \`envVars\`. A secret that is not set then fails the step. In
commands, in the inputs of a workflow step and in the workflow's \`outputs\` it is refused.

\`\`\`yaml
env: { REGISTRY_TOKEN: "\${{ secrets.REGISTRY_TOKEN }}" }
\`\`\`

The runner replaces what a step's secrets are in its log, its error and its outputs with \`***\`: as they are, line by line
(lines of 4 characters and more), in base64, percent-encoded, in JSON, and quoted for a shell. It cannot find what a command
encrypts, compresses or cuts into pieces: masking guards against accidents, not against whoever writes the workflow. Output
that may be the beginning of a secret waits for what follows, or for the end of the step.

## Progress and traces

A command can tell how far it is (\`reportStepProgress\`) and what it does (\`recordStepTrace\`: THINKING, TOOL, NOTE). It finds
the API's address in \`$RUNCAST_API_URL\` and in \`$RUNCAST_TASK_TOKEN\` a token that is good for these two, for its own step,
and until the step ends. [examples/progress.yaml](../examples/progress.yaml) does so with nothing but
curl.

## Artifacts

What the globs under \`artifacts\` match is kept when the command has ended by itself, also when it failed, before the step
ends. What is canceled or times out keeps nothing. A file that cannot be kept fails the step.

- Globs are relative to the workspace; a folder stands for everything in it, hidden files included, and \`!\` leaves out.
  \`.git\` and symbolic links are left out. A step keeps at most 1,000 files, each at most \`RUNCAST_MAX_ARTIFACT_BYTES\`.
  That nothing matches is no fault. Whether a file may be executed is kept as well.
- Before a command starts, the artifacts of all steps that are over by then lie in its workspace, whichever runner executed
  them: those of the steps that it needs, directly or through others, and of the stages that it waits for, if they
  succeeded or have \`continueOnError\`. Of files of one name the newest counts.
- A run that continues from a source run finds that run's artifacts as well; its own come first.
- A workspace gets each artifact once: what a later step on the same runner does to the file is not undone.

## HTTP requests

A runner sends the request of an http step and follows up to five redirects, unless \`expect\` names their status. It
uses no proxy. To another host it is redirected with no headers but \`Accept\`, \`Accept-Language\`, \`Content-Type\`
and \`User-Agent\`.

- Addresses that are not public (this machine, private and link-local networks, the metadata services of clouds) are
  refused, in redirects too. \`RUNCAST_RUNNER_HTTP_ALLOW\` on the runner lists hosts, addresses and networks that are
  allowed all the same, such as \`registry.intern,10.1.0.0/16\`.
- The answer's body may have 1 MiB. It is JSON in the step's outputs if its \`Content-Type\` says so, else text;
  \`outputs.body.release.id\` leads inside. \`headers\` holds, in lower case, \`content-type\`, \`etag\`,
  \`last-modified\`, \`link\`, \`location\`, \`retry-after\` and \`x-request-id\`.
- In a \`body\` that is a JSON value, what is filled in becomes a part of the text it stands in. In a \`url\` it is put
  in as it is: what strangers may choose belongs in the body.

## YAML

Anchors and aliases work. Refused are keys that stand twice, merge keys (\`<<\`), tags of your own, a second
document, and values that JSON does not have (\`.inf\`, \`.nan\`).

## Limits

A file has at most 4 MiB, ${MAX_STAGES} stages, ${MAX_STEPS.toLocaleString("en")} steps, ${MAX_NEEDS.toLocaleString("en")} needs and ${MAX_ENV_ENTRIES} variables in one \`env\`. A command has at
most 128 KiB, a value of a variable 32,768 characters.
`;

const files: Readonly<Record<string, string>> = {
  "schema/workflow.schema.json": `${JSON.stringify(schema, null, 2)}\n`,
  "docs/workflow-file.md": `${[guide.trimEnd(), ...sections.map(tableOf), rules.trimEnd()].join("\n\n")}\n`,
};
for (const [file, text] of Object.entries(files)) {
  if (!process.argv.includes("--check")) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
    console.error(
      `${file} is not what the model says; run: node --import tsx scripts/print-definition-schema.ts`,
    );
    process.exitCode = 1;
  }
}
