import type { TestServer } from "../support/server.ts";
import { Subscription } from "./sockets.ts";

export const EVENT_FIELDS = `__typename seq at actor { username type } workflowRun { id status }
  ... on RunStatusChanged { runStatus statusReason { code message } }
  ... on RunFinished { success error { message details } }
  ... on StageStatusChanged { stageStatus stageRun { name status } statusReason { code } }
  ... on StepStatusChanged { stepStatus attempt stepRun { stepRef status attempt } statusReason { code } }`;
const EVENTS = `subscription ($id: ID!, $after: StreamPosition!, $types: [RunEventType!], $until: RunStreamEnd! = FINISHED) {
  runEvents(workflowRunId: $id, after: $after, types: $types, until: $until) {
    __typename cursor ... on RunEvent { ${EVENT_FIELDS} } ... on Reset { reason } } }`;
const LOGS = `subscription ($id: ID!, $after: StreamPosition!, $attempt: Int, $grep: String) {
  stepLogs(stepRunId: $id, after: $after, attempt: $attempt, grep: $grep) {
    __typename cursor
    ... on LogLines { attempt lines { number at stream text partial } }
    ... on LogGap { attempt fromOffset toOffset }
    ... on LogEnd { attempt finalOffset truncated nextAttempt } ... on Reset { reason } } }`;

export type Position = { readonly at: "START" | "HEAD" } | { readonly cursor: string };
export const START: Position = { at: "START" };
export const HEAD: Position = { at: "HEAD" };

export interface EventsOptions {
  readonly after?: Position;
  readonly types?: readonly string[];
  readonly until?: "FINISHED" | "DELETED";
}

export function followEvents(server: TestServer, id: string, options: EventsOptions = {}): Subscription {
  return new Subscription(server.url, server.adminToken, EVENTS, { id, after: START, ...options });
}

export interface LogsOptions {
  readonly after?: Position;
  readonly attempt?: number;
  readonly grep?: string;
}

export function followLogs(server: TestServer, id: string, options: LogsOptions = {}): Subscription {
  return new Subscription(server.url, server.adminToken, LOGS, { id, after: START, ...options });
}
