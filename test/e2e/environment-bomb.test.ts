import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";
import { RealRunner } from "./real-runner.ts";
import { readRun, startRun } from "./workflows.ts";

let server: TestServer;
let runner: RealRunner;

beforeAll(async () => {
  server = await startTestServer();
  runner = new RealRunner(server.url, await server.runnerToken());
});
afterAll(async () => {
  await runner[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

it("a step whose environment doubles without end fails with a clear error, and the queue goes on", async () => {
  const doubling = Array.from({ length: 40 }, (_, i) => `A${i + 1}: "\${A${i}}\${A${i}}"`).join(", ");
  const bomb = await startRun(
    server.admin,
    `name: bomb
stages: [{ name: one, steps: [{ ref: grow, run: "true", env: { A0: xxxxxxxx, ${doubling} } }] }]
`,
  );
  const plain = await startRun(
    server.admin,
    "name: plain\nstages: [{ name: one, steps: [{ ref: say, run: echo hi }] }]\n",
  );
  const failed = await waitFor("the bomb's end", async () => {
    const run = await readRun(server.admin, bomb);
    return run.status === "FAILED" && run;
  });
  expect(failed.error).toMatch(/the environment variable A\d+ is longer than/);
  await waitFor(
    "the other run's end",
    async () => (await readRun(server.admin, plain)).status === "SUCCEEDED",
  );
});
