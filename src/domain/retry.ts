import type { RetryPolicy } from "./graph.ts";

export type RetryDecision = { readonly retry: false } | { readonly retry: true; readonly delayMs: number };

/** A step whose runner was lost this often is given up: the step itself probably kills its runner. */
export const MAX_LOST_LEASES = 5;

/**
 * Whether a failed try is followed by another one, and after how long.
 * @param starts how often the step was started, this try included
 * @param lost how many of those starts ended with a lost lease; they cost no try
 */
export function decideRetry(policy: RetryPolicy, starts: number, lost: number): RetryDecision {
  const tries = starts - lost;
  if (tries >= policy.attempts) return { retry: false };
  const delayMs = Math.min(policy.backoffMs * policy.factor ** (tries - 1), policy.maxBackoffMs);
  return { retry: true, delayMs: Math.round(delayMs) };
}
