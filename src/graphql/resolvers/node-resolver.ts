import { Arg, Ctx, Query, Resolver } from "type-graphql";
import { maySeeBulk } from "../../actions/abort-bulk-operation.ts";
import { ACCESS, roleIn, roleSatisfies } from "../../domain/access.ts";
import { type DecodedId, decodeId, type NodeType } from "../../domain/ids.ts";
import type { RequestContext } from "../context.ts";
import { badInput } from "../errors.ts";
import { ID } from "../scalars.ts";
import { mayRead, readable } from "../scope.ts";
import { Approval } from "../types/approval.ts";
import { Artifact } from "../types/artifact.ts";
import { AuditEntry } from "../types/audit-entry.ts";
import { BulkOperation } from "../types/bulk-operation.ts";
import { LogFile } from "../types/log-file.ts";
import { Node } from "../types/node.ts";
import { Project } from "../types/project.ts";
import { Runner } from "../types/runner.ts";
import { Schedule } from "../types/schedule.ts";
import { runningAttempt, StageRun, StepAttempt, StepRun } from "../types/step-run.ts";
import { TestAttempt, TestRun } from "../types/test-run.ts";
import { Webhook } from "../types/webhook.ts";
import { Workflow, WorkflowVersion } from "../types/workflow.ts";
import { WorkflowRun } from "../types/workflow-run.ts";

import { seesRunner } from "./runner-list-resolver.ts";

const MAX_NODES = 100;

@Resolver()
export class NodeResolver {
  @Query(() => Node, {
    nullable: true,
    description: "Any object by its id; null when it does not exist for the viewer.",
  })
  async node(
    @Arg("id", () => ID, { description: "The object's id." }) id: string,
    @Ctx() context: RequestContext,
  ): Promise<Node | null> {
    return await readNode(id, context);
  }

  @Query(() => [Node], {
    nullable: "items",
    description: `Objects by their ids, in the order of the ids; null for each that does not exist for the viewer. At most ${MAX_NODES}.`,
  })
  async nodes(
    @Arg("ids", () => [ID], { description: "The objects' ids." }) ids: string[],
    @Ctx() context: RequestContext,
  ): Promise<(Node | null)[]> {
    if (ids.length > MAX_NODES) throw badInput(`\`ids\` takes at most ${MAX_NODES} ids`);
    return await Promise.all(ids.map(async (id) => await readNode(id, context)));
  }
}

type Reader = (id: DecodedId, context: RequestContext) => Promise<Node | null>;

/** How each type of node is read by its id, for this viewer. Types without a reader are not reachable this way. */
const READERS: Partial<Record<NodeType, Reader>> = {
  async Project({ uuid, parts }, { loaders, viewer }) {
    const record = parts.length === 0 && mayRead(viewer, uuid) ? await loaders.project.load(uuid) : null;
    return record === null ? null : Project.from(record);
  },
  async Workflow({ uuid, parts }, { loaders, viewer }) {
    const record = readable(viewer, parts.length === 0 ? await loaders.workflow.load(uuid) : null);
    return record === null ? null : Workflow.from(record);
  },
  async WorkflowVersion({ uuid, parts }, { loaders, viewer }) {
    const record = readable(viewer, parts.length === 0 ? await loaders.version.load(uuid) : null);
    return record === null ? null : WorkflowVersion.from(record);
  },
  async Approval({ uuid, parts: [index, attempt, ...rest] }, context) {
    if (index === undefined || attempt === undefined || rest.length > 0 || !(await ownsRun(uuid, context)))
      return null;
    const record = (await context.loaders.approvalsOfRun.load(uuid)).find(
      (approval) => approval.step === index && approval.attempt === attempt,
    );
    return record === undefined ? null : Approval.from(record);
  },
  async Artifact({ uuid, parts }, { loaders, viewer }) {
    const record = readable(viewer, parts.length === 0 ? await loaders.artifact.load(uuid) : null);
    return record === null ? null : Artifact.from(record);
  },
  async Runner({ uuid, parts }, { loaders, viewer }) {
    const record = parts.length === 0 ? await loaders.runner.load(uuid) : null;
    return record === null || !seesRunner(record, viewer) ? null : Runner.from(record);
  },
  async AuditEntry({ uuid, parts }, { loaders, viewer }) {
    const record = parts.length === 0 ? await loaders.auditEntry.load(uuid) : null;
    if (record === null || !roleSatisfies(roleIn(viewer, record.projectId), ACCESS.Query.auditLog))
      return null;
    return AuditEntry.from(record);
  },
  async Schedule({ uuid, parts }, { loaders, viewer }) {
    const record = readable(viewer, parts.length === 0 ? await loaders.schedule.load(uuid) : null);
    return record === null ? null : Schedule.from(record);
  },
  async Webhook({ uuid, parts }, { loaders, viewer }) {
    const record = readable(viewer, parts.length === 0 ? await loaders.webhook.load(uuid) : null);
    return record === null ? null : Webhook.from(record);
  },
  async BulkOperation({ uuid, parts }, { loaders, viewer }) {
    const record = parts.length === 0 ? await loaders.bulkOperation.load(uuid) : null;
    return record === null || !maySeeBulk(viewer, record) ? null : BulkOperation.from(record);
  },
  async WorkflowRun({ uuid, parts }, { loaders, viewer }) {
    const record = readable(viewer, parts.length === 0 ? await loaders.run.load(uuid) : null);
    return record === null ? null : WorkflowRun.from(record);
  },
  async StageRun({ uuid, parts: [index, ...rest] }, context) {
    if (index === undefined || rest.length > 0 || !(await ownsRun(uuid, context))) return null;
    const stage = (await context.loaders.stagesOfRun.load(uuid))[index];
    return stage === undefined ? null : StageRun.from(stage);
  },
  async StepRun({ uuid, parts: [index, ...rest] }, context) {
    if (index === undefined || rest.length > 0 || !(await ownsRun(uuid, context))) return null;
    const step = await context.loaders.step.load({ runId: uuid, index });
    return step === null ? null : StepRun.from(step);
  },
  async LogFile({ uuid, parts }, context) {
    const record = parts.length === 0 ? await context.loaders.logFile.load(uuid) : null;
    return record === null || !(await ownsRun(record.runId, context)) ? null : LogFile.from(record);
  },
  async StepAttempt({ uuid, parts: [index, number, ...rest] }, context) {
    if (index === undefined || number === undefined || rest.length > 0 || !(await ownsRun(uuid, context)))
      return null;
    const place = { runId: uuid, index };
    const ended = (await context.loaders.attemptsOfStep.load(place)).find(
      (attempt) => attempt.number === number,
    );
    const step = ended === undefined ? await context.loaders.step.load(place) : null;
    const record = ended ?? (step === null ? null : runningAttempt(step));
    return record === null || record.number !== number ? null : StepAttempt.from(record);
  },
  async TestRun(id, context) {
    const record = await readTest(id, 2, context);
    return record === null ? null : TestRun.from(record);
  },
  async TestAttempt(id, context) {
    const test = await readTest(id, 3, context);
    const attempts = test === null ? [] : await context.loaders.attemptsOfTest.load(test);
    const record = attempts.find(({ number }) => number === id.parts[2]);
    return record === undefined ? null : TestAttempt.from(record);
  },
};

/** The positions in the id of a test, of one of its attempts; null when there are too few or too many. */
async function readTest({ uuid, parts }: DecodedId, depth: number, context: RequestContext) {
  const [step, index] = parts;
  if (step === undefined || index === undefined || parts.length !== depth) return null;
  return (await ownsRun(uuid, context))
    ? await context.loaders.test.load({ runId: uuid, step, index })
    : null;
}

async function readNode(id: string, context: RequestContext): Promise<Node | null> {
  const decoded = decodeId(id);
  if (decoded === null) return null;
  return (await READERS[decoded.type]?.(decoded, context)) ?? null;
}

async function ownsRun(runId: string, { loaders, viewer }: RequestContext): Promise<boolean> {
  return readable(viewer, await loaders.run.load(runId)) !== null;
}
