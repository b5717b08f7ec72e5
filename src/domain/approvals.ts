/** Where a request for approval stands. CANCELED: its step ended without anybody having decided. */
export const APPROVAL_STATUSES = ["PENDING", "APPROVED", "REJECTED", "TIMED_OUT", "CANCELED"] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

export const APPROVAL_VERDICTS = ["APPROVE", "REJECT"] as const;
export type ApprovalVerdict = (typeof APPROVAL_VERDICTS)[number];

/** Who may decide on an approval step, and how many must agree. */
export interface ApprovalPolicy {
  readonly quorum: number;
  /** Usernames; null = everyone whose role in the project allows it. */
  readonly approvers: readonly string[] | null;
  /** Whoever made the run may decide as well. */
  readonly selfApproval: boolean;
  /** What the approvers are asked. */
  readonly prompt: string | null;
}

export interface Approver {
  readonly username: string;
  /** Their role in the project allows to act on its runs. */
  readonly mayAct: boolean;
  readonly madeRun: boolean;
}

/** Why this person may not decide; null when they may. Approvers that the step names, or else all who may act on runs. */
export function approverObstacle(policy: ApprovalPolicy | null, approver: Approver): string | null {
  const approvers = policy?.approvers ?? null;
  if (approvers === null && !approver.mayAct) {
    return "decideApproval needs the role PROJECT_SUPERUSER for a step without approvers";
  }
  if (approvers !== null && !approvers.includes(approver.username)) {
    return "you are not one of the step's approvers";
  }
  const barred = policy?.selfApproval === false && approver.madeRun;
  return barred ? "whoever made the run may not approve this step" : null;
}
