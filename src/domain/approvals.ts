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
