/** One lease of one step, as a key for maps and sets. */
export function taskKey({ runId, step, fence }: { runId: string; step: number; fence: number }): string {
  return `${runId} ${step} ${fence}`;
}

/** The log of a lease, or of a part of it, as a key for maps and sets. */
export function logKey(log: { runId: string; step: number; fence: number; part: number }): string {
  return `${taskKey(log)} ${log.part}`;
}
