import { Subscription } from "../api/sockets.ts";
import type { Position } from "../api/streams.ts";
import type { TestServer } from "../support/server.ts";

export const RUNS_CHANGED = `subscription ($projectId: ID, $filter: WorkflowRunFilter, $after: StreamPosition!) {
  workflowRunsChanged(projectId: $projectId, filter: $filter, after: $after) {
    __typename cursor ... on Reset { reason }
    ... on WorkflowRunsChanged { changes { change workflowRunId workflowRun { id status labels workflow { name } } } } } }`;
const RUNS = `query ($projectId: ID, $filter: WorkflowRunFilter, $after: String) {
  workflowRuns(projectId: $projectId, filter: $filter, first: 100, after: $after) {
    eventCursor pageInfo { hasNextPage endCursor } nodes { id status labels workflow { name } } } }`;

export interface ListedRun {
  readonly id: string;
  readonly status: string;
  readonly labels: unknown;
  readonly workflow: { readonly name: string };
}

export interface RunChange {
  readonly change: "ENTERED" | "UPDATED" | "LEFT";
  readonly workflowRunId: string;
  readonly workflowRun: ListedRun | null;
}

export interface ListRequest {
  readonly projectId?: string;
  readonly filter?: unknown;
  readonly token?: string;
}

export function followRuns(server: TestServer, after: Position, request: ListRequest = {}): Subscription {
  const { token = server.adminToken, ...variables } = request;
  return new Subscription(server.url, token, RUNS_CHANGED, { ...variables, after });
}

/** All pages of a list, and where changes since the first of them are told. */
export async function listRuns(
  server: TestServer,
  { token = server.adminToken, ...request }: ListRequest = {},
): Promise<{ runs: ListedRun[]; cursor: string }> {
  const runs: ListedRun[] = [];
  let cursor: string | null = null;
  for (let after: string | null = null; ; ) {
    const variables: object = { ...request, after };
    const { body } = await server.post({ query: RUNS, variables }, { token });
    if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
    const { nodes, eventCursor, pageInfo } = body.data.workflowRuns;
    runs.push(...nodes);
    cursor ??= eventCursor as string;
    if (!pageInfo.hasNextPage) return { runs, cursor };
    after = pageInfo.endCursor;
  }
}

/** A list as a client keeps it: read once, then only told of changes. */
export class KeptList {
  readonly #runs: Map<string, ListedRun>;

  constructor(runs: readonly ListedRun[]) {
    this.#runs = new Map(runs.map((run) => [run.id, run]));
  }

  apply({ change, workflowRunId, workflowRun }: RunChange): void {
    if (change === "LEFT") this.#runs.delete(workflowRunId);
    else if (workflowRun !== null) this.#runs.set(workflowRunId, workflowRun);
  }

  get runs(): ListedRun[] {
    return [...this.#runs.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  }
}
