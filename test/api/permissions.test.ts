import { afterAll, beforeAll, expect, it } from "vitest";
import { trigger } from "../support/workflows.ts";
import { expectedOutcome, outcomeOf, type RoleWalk, startRoleWalk, WHO } from "./role-walk.ts";

let walk: RoleWalk;
beforeAll(async () => {
  walk = await startRoleWalk();
});
afterAll(async () => await walk?.[Symbol.asyncDispose]());

it("a foreign project is answered like one that does not exist, by its slug as well as by its id", async () => {
  for (const field of [
    "Query.project",
    "Query.workflows",
    "Query.workflowRuns",
    "Query.workflow",
    "Mutation.deployWorkflow",
    "Mutation.updateProject",
    "Mutation.setProjectMember",
  ]) {
    const bySlug = async (project: string) =>
      await walk.ask(field, { ...walk.foreign, project }, "PROJECT_ADMIN");
    const [existing, none] = [await bySlug("foreign"), await bySlug("nowhere")];
    expect(outcomeOf(existing)).toBe("NOTHING");
    expect(existing).toEqual(none);
  }
});

it("what may be done is told by `can` as it is", async () => {
  const run = await trigger(walk.server.admin, walk.own.workflow);
  const query = `{ project(id: "${walk.own.project}") { can { action allowed reason { code } } }
    workflow(id: "${walk.own.workflow}") { can { action allowed reason { code } } }
    workflowRun(id: "${run.id}") { can { action allowed reason { code } } } }`;
  for (const who of ["PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN", "SYSTEM_ADMIN"]) {
    const { body } = await walk.server.post({ query }, { token: walk.token(who) });
    const can = Object.values(body.data as Record<string, { can: CapabilityAnswer[] }>).flatMap(
      (object) => object.can,
    );
    expect(can.map(({ action }) => action)).toEqual(
      expect.arrayContaining([
        "deployWorkflow",
        "setProjectMember",
        "archiveWorkflow",
        "triggerWorkflowRun",
        "cancelWorkflowRun",
      ]),
    );
    for (const { action, allowed, reason } of can) {
      // What the state of the run forbids says nothing of roles.
      if (reason?.code === "INVALID_STATE") continue;
      const role = WHO.find(([name]) => name === who)![1];
      expect([action, allowed]).toEqual([
        action,
        expectedOutcome(`Mutation.${action}`, who, role) === "ALLOWED",
      ]);
      expect(reason).toEqual(allowed ? null : { code: "FORBIDDEN" });
    }
  }
});

interface CapabilityAnswer {
  readonly action: string;
  readonly allowed: boolean;
  readonly reason: { readonly code: string } | null;
}
