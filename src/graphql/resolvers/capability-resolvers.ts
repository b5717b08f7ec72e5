import { Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { roleIn, roleSatisfies } from "../../domain/access.ts";
import { approverObstacle } from "../../domain/approvals.ts";
import {
  hasStarted,
  RUN_ACTIONS,
  type RunAction,
  runObstacle,
  STEP_ACTIONS,
  type StepAction,
  stepObstacle,
} from "../../domain/legal.ts";
import type { RequestContext } from "../context.ts";
import { Capability, capability } from "../types/capability.ts";
import { StepRun } from "../types/step-run.ts";
import { WorkflowRun } from "../types/workflow-run.ts";

const WHAT = "What the viewer may do with it now: one entry for every mutation that takes it.";

@Resolver(() => WorkflowRun)
export class WorkflowRunCapabilities {
  @FieldResolver(() => [Capability], { description: WHAT })
  can(@Root() { record }: WorkflowRun, @Ctx() { viewer }: RequestContext): Capability[] {
    return (Object.keys(RUN_ACTIONS) as RunAction[]).map((action) =>
      capability(viewer, record.projectId, action, runObstacle(action, record)?.message ?? null),
    );
  }
}

@Resolver(() => StepRun)
export class StepRunCapabilities {
  @FieldResolver(() => [Capability], { description: WHAT })
  async can(
    @Root() { record }: StepRun,
    @Ctx() { viewer, engine, loaders }: RequestContext,
  ): Promise<Capability[]> {
    const run = (await loaders.run.load(record.runId))!;
    const { graph } = await engine.versions.get(engine.database, record.versionId);
    const { type, waitsFor, approval } = graph.steps[record.index]!;
    const step = {
      status: record.status,
      reasonCode: record.statusReason?.code ?? null,
      type,
      waitsFor,
      started: hasStarted(record),
    };
    const barred =
      approval === null
        ? null
        : approverObstacle(approval, {
            username: (await loaders.account.load(viewer.accountId))?.username ?? "",
            mayAct: roleSatisfies(roleIn(viewer, run.projectId), "PROJECT_SUPERUSER"),
            madeRun: run.createdBy === viewer.accountId,
          });
    return (Object.keys(STEP_ACTIONS) as StepAction[]).map((action) => {
      const obstacle = stepObstacle(action, run, step)?.message ?? null;
      const whoMay = action === "decideApproval" ? barred : null;
      return capability(viewer, run.projectId, action, obstacle, whoMay);
    });
  }
}
