import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, RunningSystem } from "../parity/running-system.ts";
import { waitFor } from "../support/wait-for.ts";

/** In every line of it is something that needs escaping somewhere. */
const SECRET = "pass/word+äöü 'quoted' \"twice\"\nsecond-line-of-it?&=";
const URL_SECRET = "url/secret?with=äll of it";

let system: RunningSystem;
let echo: Server;
beforeAll(async () => {
  system = await RunningSystem.start({}, { RUNCAST_RUNNER_HTTP_ALLOW: "127.0.0.1" });
  for (const [name, value] of Object.entries({ SECRET, URL_SECRET }))
    await system.act("setSecret", { owner: { projectId: "default" }, name, value }, "secret { revision }");
  // Answers with what it was asked, behind so much that the log cuts it in the middle of the secret.
  echo = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => response.end(`${"x".repeat(4_085)}${Buffer.concat(chunks)} ${request.url}`));
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  echo.close();
  await system[Symbol.asyncDispose]();
});

async function everythingStored(): Promise<string> {
  const tables = await system.server.database.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public'",
  );
  let stored = "";
  for (const { name } of tables) {
    const rows = await system.server.database.query<{ row: string }>(
      `select t::text as row from "${name}" t`,
    );
    // Bytes are shown in hexadecimal digits.
    stored += rows
      .map(
        ({ row }) =>
          `${row} ${row.replaceAll(/\\\\x([0-9a-f]+)/g, (_, hex) => Buffer.from(hex, "hex").toString())}`,
      )
      .join("\n");
  }
  return stored;
}

/** Pieces of the secret in every form; none of them turns up by chance. */
const TRACES = [
  "pass/word",
  "second-line-of-it",
  Buffer.from(SECRET).toString("base64").slice(4, 40),
  Buffer.from(`x${SECRET}`).toString("base64").slice(8, 40),
  encodeURIComponent(SECRET).slice(4, 30),
  "url/secret",
  "url%2Fsecret",
];

/** The log of the newest run, which has one step. */
async function newestLog(): Promise<string> {
  const [row] = await system.server.database.query<{ text: string }>(
    `select coalesce(string_agg(convert_from(data, 'UTF8'), '' order by byte_offset), '') as text from log_chunk
      where run_id = (select id from workflow_run order by created_at desc limit 1)`,
  );
  return row!.text.replaceAll(/^\S+ (\S+) [FP] /gm, "$1: ");
}

describe("what a step tells of its secrets", () => {
  it("is masked in its log, its outputs and its error, across writes and in every form", async () => {
    const run = `printf '%s' "$S" | head -c 9; sleep 0.2; printf '%s' "$S" | tail -c +10; echo .
printf '%s' "$S" | base64 -w 0; echo .
printf 'x%s' "$S" | base64 -w 0 >&2; echo . >&2
node -e 'console.log(encodeURIComponent(process.env.S) + "."); console.log(JSON.stringify([process.env.S]))'
printf '%s' "$RUNCAST_TASK_TOKEN"; echo .
node -e 'console.log(JSON.stringify({ "plain": process.env.S, list: [{ [process.env.S]: encodeURIComponent(process.env.S) }] }))' > "$RUNCAST_OUTPUT"
sleep 0.1; printf 'pass/wor'`;
    const step = { ref: "tells", run, env: { S: "${{ secrets.SECRET }}" } };
    const { id } = await system.begin([[step]]);
    const { status, steps } = await system.ended(id);
    expect(status).toBe("SUCCEEDED");
    expect(steps["tells"].output).toEqual({ plain: "***", list: [{ "***": "***" }] });
    // The end of a step does not wait for the last of its log.
    const whole = async () => {
      const text = await newestLog();
      return text.includes("pass/wor") && text;
    };
    const log = await waitFor("the whole log", whole);
    const lines = log.split("\n");
    expect(lines.filter((line) => line === "stdout: ***.")).toHaveLength(4);
    expect(lines).toContain('stdout: ["***"]');
    expect(lines.find((line) => line.startsWith("stderr: "))).toMatch(/^stderr: .{0,4}\*\*\*.{0,4}\.$/);
    // The beginning of a secret that never came is no secret.
    expect(lines).toContain("stdout: pass/wor");
    const stored = await everythingStored();
    expect(TRACES.filter((trace) => stored.includes(trace))).toEqual([]);
  });

  it("is masked in what an http step logs, answers and fails with", async () => {
    const base = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
    const steps = [
      {
        ref: "ask",
        type: "http",
        url: `${base}/?a=\${{ secrets.URL_SECRET }}`,
        method: "POST",
        body: "${{ secrets.SECRET }}",
      },
      { ref: "fails", type: "http", url: "${{ secrets.URL_SECRET }}", continueOnError: true },
    ];
    const { id } = await system.begin([steps]);
    const run: Answer = await system.ended(id);
    expect(run.steps["fails"].error).toBe('the request failed: "***" is not an http or https URL');
    const { body } = run.steps["ask"].output;
    expect(body.slice(4_080)).toMatch(/^x{5}\*\*\* \/\?a=\*\*\*/);
    const stored = await everythingStored();
    expect(TRACES.filter((trace) => stored.includes(trace))).toEqual([]);
  });
});

describe("the processes of a step", () => {
  const LOOK = `query ($id: ID!) { workflowRun(id: $id) { progress revision stepRuns { nodes { progress
    trace(first: 2) { totalCount { value } nodes { kind content attempt } pageInfo { hasNextPage } } } } } }`;

  it("tell how far they are and what they consider, as the example does", async () => {
    const source = readFileSync("examples/progress.yaml", "utf8");
    const { workflow } = await system.act(
      "deployWorkflow",
      { projectId: "default", source },
      "workflow { id }",
    );
    const { id } = await system.trigger(workflow.id);
    const ended = await system.ended(id);
    expect(ended).toMatchObject({ status: "SUCCEEDED", progress: 100, revision: 1 });
    const run = await system.ask(LOOK, { id });
    expect(run.stepRuns.nodes[0].trace.nodes).toEqual([
      { kind: "THINKING", content: "I count to three.", attempt: 1 },
    ]);
    const told = (await system.events(id)).filter(({ __typename }) => /Progressed|Traced/.test(__typename));
    expect(told[0]).toMatchObject({ __typename: "StepTraced", actor: { type: "RUNNER" } });
    expect(told[1]).toMatchObject({ __typename: "StepProgressed" });
  });

  it("have a token that is good for their step alone, for nothing else, and until it ends", async () => {
    const scene = system.scene();
    const keep = `printf '%s' "$RUNCAST_TASK_TOKEN" > ${scene.path("token")}; printf '%s' "$RUNCAST_API_URL" > ${scene.path("url")}`;
    const held = scene.heldStep("works");
    const { id } = await system.begin([
      [{ ...held, run: `${keep}\n${held["run"]}` }, scene.heldStep("other")],
    ]);
    await system.processes(scene, id, "works");
    await system.processes(scene, id, "other");
    const [token] = scene.lines("token") as [string];
    expect(scene.lines("url")).toEqual([`${system.server.url}/graphql`]);
    const of = (stepRef: string) => ({ step: { ref: { workflowRunId: id, stepRef } } });
    const progress = await system.send(
      "reportStepProgress",
      { ...of("works"), progress: 41 },
      "stepRun { id }",
      token,
    );
    expect(progress).toEqual({ stepRun: null, userErrors: [] });
    const note = { ...of("works"), kind: "NOTE", content: `I know ${SECRET}!` };
    await system.act("recordStepTrace", note, "clientMutationId", token);
    expect((await system.ask(LOOK, { id })).stepRuns.nodes[0]).toMatchObject({
      progress: 41,
      trace: { nodes: [{ content: `I know ${"*".repeat(Buffer.byteLength(SECRET))}!` }] },
    });
    const other = await system.refused(
      "reportStepProgress",
      { ...of("other"), progress: 1 },
      "stepRun { id }",
      token,
    );
    expect(other.code).toBe("NOT_FOUND");
    for (const query of [
      `{ viewer { systemAdmin } }`,
      `{ projects { nodes { id } } }`,
      `{ workflowRun(id: "${id}") { id } }`,
    ])
      expect((await system.trouble(query, {}, token)).code).toBe("FORBIDDEN");
    await system.forbidden("abortStepRun", of("works"), token);
    const claim = `mutation { claimTasks(input: { session: "s", claimId: "c", max: 1, waitMs: 0 }) { tasks { fence } } }`;
    expect((await system.trouble(claim, {}, token)).code).toBe("FORBIDDEN");
    scene.open("works");
    await system.stepInStatus(id, "works", "SUCCEEDED");
    const late = await system.server.post({ query: "{ __typename }" }, { token });
    expect(late.status).toBe(401);
    const forged = await system.server.post(
      { query: "{ __typename }" },
      { token: `${token.slice(0, -2)}AA` },
    );
    expect(forged.status).toBe(401);
    scene.open("other");
    await system.ended(id);
  });
});
