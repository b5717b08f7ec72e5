import { roleIn, roleSatisfies, type Viewer } from "../domain/access.ts";
import { type ApprovalPolicy, type ApprovalVerdict, approverObstacle } from "../domain/approvals.ts";
import { ForbiddenError, invalidState, invalidValue } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import {
  type ApprovalPlace,
  addDecision,
  type Decision,
  decisionsOn,
} from "../persistence/approval-store.ts";
import type { Transaction } from "../persistence/database.ts";
import { findAccounts } from "../persistence/queries/people.ts";
import { findRuns } from "../persistence/queries/runs.ts";
import type { LockedRun } from "../persistence/run-store.ts";
import { commandStep, STEP_PATH, type StepAnswer, type StepRequest } from "./command-step.ts";

export interface DecideApproval extends StepRequest {
  readonly verdict: ApprovalVerdict;
  readonly comment: string | null;
  /** What the approver fills in; all approvers' together are the step's output. */
  readonly fields: Readonly<Record<string, unknown>>;
}

const MAX_COMMENT_LENGTH = 2_000;
const MAX_FIELDS_BYTES = 64 * 1024;

/** One person's decision. Enough approvals let the step succeed, a single rejection fails it. */
export async function decideApproval(
  engine: Engine,
  viewer: Viewer,
  request: DecideApproval,
): Promise<StepAnswer<null>> {
  const { verdict, comment, fields } = request;
  checkDecision(request);
  const own = { actorId: viewer.accountId, verdict, comment, fields };
  let place: ApprovalPlace | null = null;
  return await commandStep(engine, viewer, request, {
    action: "decideApproval",
    details: { verdict, comment },
    isRepeated: async (run, step, transaction) => {
      const before = await ownDecision(transaction, placeOf(run, step), viewer);
      if (before === undefined) return false;
      if (before.verdict === verdict) return true;
      throw invalidState(STEP_PATH, "you have decided already", before.verdict, []);
    },
    commandOn: async (run, step, transaction) => {
      place = placeOf(run, step);
      await refuseApprover(transaction, viewer, run, run.state.graph.steps[step]!.approval);
      const all = [...(await decisionsOn(transaction, place)), own];
      return {
        kind: "DECIDE_APPROVAL",
        step,
        verdict,
        comment,
        approvals: all.filter((decision) => decision.verdict === "APPROVE").length,
        fields: Object.assign({}, ...all.map((decision) => decision.fields)),
        actorId: viewer.accountId,
      };
    },
    // Not before: a decision may be taken twice, when a claim came in between.
    afterwards: async (transaction) => {
      await addDecision(transaction, place!, own, engine.clock.now());
    },
    answer: () => null,
  });
}

function placeOf({ state }: LockedRun, step: number): ApprovalPlace {
  return { runId: state.id, step, attempt: state.steps[step]!.attempt };
}

async function ownDecision(
  transaction: Transaction,
  place: ApprovalPlace,
  { accountId }: Viewer,
): Promise<Decision | undefined> {
  return (await decisionsOn(transaction, place)).find(({ actorId }) => actorId === accountId);
}

async function refuseApprover(
  transaction: Transaction,
  viewer: Viewer,
  { state, projectId }: LockedRun,
  policy: ApprovalPolicy | null,
): Promise<void> {
  const [account] = await findAccounts(transaction, [viewer.accountId]);
  const [run] = await findRuns(transaction, [state.id]);
  const obstacle = approverObstacle(policy, {
    username: account!.username,
    mayAct: roleSatisfies(roleIn(viewer, projectId), "PROJECT_SUPERUSER"),
    madeRun: run?.createdBy === viewer.accountId,
  });
  if (obstacle !== null) throw new ForbiddenError(obstacle);
}

function checkDecision({ comment, fields }: DecideApproval): void {
  if (comment !== null && (comment.length > MAX_COMMENT_LENGTH || comment.includes("\0"))) {
    throw invalidValue("input.comment", `at most ${MAX_COMMENT_LENGTH} characters and no NUL`);
  }
  if (Buffer.byteLength(JSON.stringify(fields)) > MAX_FIELDS_BYTES) {
    throw invalidValue("input.fields", `at most ${MAX_FIELDS_BYTES} bytes of JSON`);
  }
}
