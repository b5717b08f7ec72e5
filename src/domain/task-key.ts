/** One lease of one step, as a key for maps and sets. */
export function taskKey({ runId, step, fence }: { runId: string; step: number; fence: number }): string {
  return `${runId} ${step} ${fence}`;
}
