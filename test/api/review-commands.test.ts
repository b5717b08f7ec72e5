import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { deploy, trigger } from "../support/workflows.ts";
import { makeToken } from "./accounts.ts";

const FLOW = `name: approvals
stages:
  - name: only
    steps:
      - { ref: anyone, type: approval }
      - { ref: named, type: approval, approvers: [ada] }
      - { ref: not-self, type: approval, selfApproval: false }
`;
const CAN =
  "query ($id: ID!) { node(id: $id) { ... on StepRun { can { action allowed reason { code } } } } }";
const DECIDE = `mutation ($input: DecideApprovalInput!) { decideApproval(input: $input) { userErrors { code } } }`;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ runDuties: false });
});
afterAll(async () => await server[Symbol.asyncDispose]());

test("what a step says of its approval is what becomes of a decision", async () => {
  const run = await trigger(server.admin, await deploy(server.admin, FLOW));
  const member = (username: string, role: "PROJECT_USER" | "PROJECT_SUPERUSER") =>
    makeToken(server, { username, member: { project: "default", role } });
  const tokens = {
    ada: await member("ada", "PROJECT_USER"),
    grace: await member("grace", "PROJECT_SUPERUSER"),
    maker: server.adminToken,
  };
  const expected = {
    ada: { anyone: false, named: true, "not-self": false },
    grace: { anyone: true, named: false, "not-self": true },
    maker: { anyone: true, named: false, "not-self": false },
  };
  for (const [name, token] of Object.entries(tokens)) {
    for (const [ref, id] of Object.entries(run.steps)) {
      const allowed = expected[name as keyof typeof expected][ref as "anyone"];
      const told = await server.post({ query: CAN, variables: { id } }, { token });
      const { can } = told.body.data.node;
      const capability = can.find(({ action }: { action: string }) => action === "decideApproval");
      const reason = allowed ? null : { code: "FORBIDDEN" };
      expect(capability, `${name} ${ref}`).toEqual({ action: "decideApproval", allowed, reason });
      const input = { step: { id }, verdict: "APPROVE", dryRun: true };
      const { body } = await server.post({ query: DECIDE, variables: { input } }, { token });
      expect(body.errors?.[0]?.extensions.code ?? null, `${name} ${ref}`).toBe(allowed ? null : "FORBIDDEN");
    }
  }
});
