/** Address of a run's page; null when the server does not know its public address. */
export function pageOfRun(publicUrl: string | null, runId: string): string | null {
  return publicUrl === null ? null : `${publicUrl.replace(/\/+$/, "")}/runs/${runId}`;
}
