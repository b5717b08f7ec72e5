import { afterAll, beforeAll, expect, it } from "vitest";
import { type ProtocolRunner, startProtocolRunner } from "../support/protocol-runner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";

let server: TestServer;
let runner: ProtocolRunner;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
  runner = await startProtocolRunner(server);
});
afterAll(async () => await server[Symbol.asyncDispose]());

it("an http step is claimed like a command, its request filled in", async () => {
  const workflowId = await deploy(
    server.admin,
    `name: ask
inputs: { base: { type: string } }
env: { ONLY: for commands }
source: { git: "https://example.org/app.git" }
stages:
  - name: a
    steps:
      - { ref: one, run: make }
      - ref: ask
        needs: [one]
        type: http
        url: "\${{ inputs.base }}/\${{ steps.one.outputs.id }}"
        method: PUT
        body: { say: "\${{ steps.one.outputs.words }}" }
        expect: [200, 300-302]
        timeout: 7s
      - { ref: after, needs: [ask], run: make, env: { ID: "\${{ steps.ask.outputs.body.id }}" } }
`,
  );
  await trigger(server.admin, workflowId, { inputs: { base: "https://e.org" } });
  const one = await runner.claimOne();
  expect(one.spec.http).toBeNull();
  await runner.start(one);
  await runner.finish(one, "SUCCEEDED", { output: { id: "7", words: 'a "b"' } });
  const ask = await runner.claimOne();
  expect(ask.spec).toEqual({
    run: "",
    test: null,
    http: {
      method: "PUT",
      url: "https://e.org/7",
      headers: [{ key: "Content-Type", value: "application/json" }],
      body: '{"say":"a \\"b\\""}',
      expect: [
        { from: 200, to: 200 },
        { from: 300, to: 302 },
      ],
    },
    shell: "",
    timeoutMs: 7_000,
    graceMs: 10_000,
    env: [],
    source: null,
    artifacts: { globs: [], fetch: false },
    masks: [],
    apiUrl: null,
    taskToken: null,
  });
  await runner.start(ask);
  await runner.finish(ask, "SUCCEEDED", { exitCode: null, output: { status: 200, body: { id: 9 } } });
  const after = await runner.claimOne();
  expect(after.spec.env).toContainEqual({ key: "ID", value: "9" });
});

it("a request that becomes too long fails its step, and no other one", async () => {
  const workflowId = await deploy(
    server.admin,
    `name: long
stages:
  - name: a
    steps:
      - { ref: one, run: make }
      - { ref: ask, needs: [one], type: http, url: "https://e.org", body: "${"${{ steps.one.outputs.long }}".repeat(20)}" }
      - { ref: other, needs: [one], run: make }
`,
  );
  const { id } = await trigger(server.admin, workflowId);
  const one = await runner.claimOne();
  await runner.start(one);
  await runner.finish(one, "SUCCEEDED", { output: { long: "x".repeat(100_000) } });
  const [other, ...more] = await runner.claim();
  expect([other?.stepRef, more]).toEqual(["other", []]);
  const query = `query ($id: ID!) { workflowRun(id: $id) { stepRuns { nodes { stepRef status error } } } }`;
  const { workflowRun } = (await server.admin.request(query, { id })) as {
    workflowRun: { stepRuns: { nodes: object[] } };
  };
  expect(workflowRun.stepRuns.nodes).toContainEqual({
    stepRef: "ask",
    status: "FAILED",
    error: "the request is longer than 1048576 characters",
  });
});
