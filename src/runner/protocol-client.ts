import type { Readable } from "node:stream";
import type { ArtifactFile } from "./artifact-files.ts";
import { FileTransfer } from "./file-transfer.ts";
import { JsonEndpoint, type PostOptions } from "./http-json.ts";
import type { OutageLog } from "./outage-log.ts";
import * as protocol from "./protocol.ts";
import { isProtocolError, ProtocolError, type ProtocolErrorKind } from "./protocol-error.ts";
import * as testProtocol from "./protocol-tests.ts";

interface ArtifactUpload extends protocol.TaskKey, ArtifactFile {
  readonly session: string;
}

interface GraphqlAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

const ERROR_KINDS: Readonly<Record<string, ProtocolErrorKind>> = {
  SESSION_LOST: "SESSION_LOST",
  UNAUTHENTICATED: "UNAUTHORIZED",
  BAD_USER_INPUT: "REFUSED",
  BAD_REQUEST: "REFUSED",
  FORBIDDEN: "REFUSED",
  NOT_FOUND: "REFUSED",
  GRAPHQL_PARSE_FAILED: "REFUSED",
  GRAPHQL_VALIDATION_FAILED: "REFUSED",
};

export interface ProtocolClientOptions {
  /** The server, with or without the path of its GraphQL endpoint. */
  readonly url: string;
  readonly token: string;
  readonly outages: OutageLog;
  readonly requestTimeoutMs: number;
}

/** One method per mutation of the runner protocol; each rejects with a ProtocolError. */
export class ProtocolClient {
  private readonly endpoint: JsonEndpoint;
  private readonly files: FileTransfer;

  /** The server's GraphQL endpoint. */
  readonly url: string;

  constructor(private readonly options: ProtocolClientOptions) {
    const url = graphqlUrl(options.url);
    this.url = url.href;
    this.endpoint = new JsonEndpoint(url, { authorization: `Bearer ${options.token}` });
    this.files = new FileTransfer(url.href.replace(/\/graphql$/, ""), options.token);
  }

  registerRunner(
    input: protocol.RegisterRunnerInput,
    options?: Partial<PostOptions>,
  ): Promise<protocol.RegisterRunnerPayload> {
    return this.call("registerRunner", protocol.REGISTER_RUNNER, input, options);
  }

  claimTasks(
    input: protocol.ClaimTasksInput,
    options?: Partial<PostOptions>,
  ): Promise<protocol.ClaimTasksPayload> {
    return this.call("claimTasks", protocol.CLAIM_TASKS, input, options);
  }

  heartbeatRunner(
    input: protocol.HeartbeatRunnerInput,
    options?: Partial<PostOptions>,
  ): Promise<protocol.HeartbeatRunnerPayload> {
    return this.call("heartbeatRunner", protocol.HEARTBEAT_RUNNER, input, options);
  }

  reportTasks(
    input: { readonly session: string; readonly reports: readonly protocol.TaskReport[] },
    options?: Partial<PostOptions>,
  ): Promise<protocol.ReportTasksPayload> {
    return this.call("reportTasks", protocol.REPORT_TASKS, input, options);
  }

  appendLogs(
    input: { readonly session: string; readonly appends: readonly protocol.LogAppend[] },
    options?: Partial<PostOptions>,
  ): Promise<protocol.AppendLogsPayload> {
    return this.call("appendLogs", protocol.APPEND_LOGS, input, options);
  }

  pinRunSource(
    input: protocol.PinRunSourceInput,
    options?: Partial<PostOptions>,
  ): Promise<protocol.PinRunSourcePayload> {
    return this.call("pinRunSource", protocol.PIN_RUN_SOURCE, input, options);
  }

  reportTestRuns(
    input: testProtocol.ReportTestRunsInput & { readonly session: string },
    options?: Partial<PostOptions>,
  ): Promise<testProtocol.ReportTestRunsPayload> {
    return this.call("reportTestRuns", testProtocol.REPORT_TEST_RUNS, input, options);
  }

  taskArtifacts(
    input: protocol.TaskArtifactsInput,
    options?: Partial<PostOptions>,
  ): Promise<protocol.TaskArtifactsPayload> {
    return this.call("taskArtifacts", protocol.TASK_ARTIFACTS, input, options);
  }

  uploadArtifact(
    { session, stepRunId, fence, path, size, sha256, executable }: ArtifactUpload,
    content: Readable,
    signal: AbortSignal,
  ): Promise<{ readonly id: string }> {
    const numbers = { fence: String(fence), size: String(size), executable: String(executable) };
    const query = { session, stepRunId, path, sha256, ...numbers };
    return this.files.put({ path: "/runner/artifacts", query, content, size, signal });
  }

  download(url: string, signal: AbortSignal, take: (content: Readable) => Promise<void>): Promise<void> {
    return this.files.get(url, signal, take);
  }

  close(): void {
    this.files.close();
    this.endpoint.close();
  }

  private async call<T>(
    field: string,
    query: string,
    input: unknown,
    options: Partial<PostOptions> = {},
  ): Promise<T> {
    const { outages, requestTimeoutMs } = this.options;
    try {
      const answer = await this.endpoint
        .post({ query, variables: { input } }, { timeoutMs: requestTimeoutMs, ...options })
        .catch((error: NodeJS.ErrnoException) => {
          if (options.signal?.aborted) throw new ProtocolError("ABORTED", `${field} was given up`);
          throw new ProtocolError("UNREACHABLE", error.message || error.code || "no connection");
        });
      const payload = readAnswer<T>(field, answer.status, answer.body);
      outages.recovered();
      return payload;
    } catch (error) {
      if (isProtocolError(error, "UNREACHABLE", "UNAUTHORIZED")) outages.failed(error);
      else if (!isProtocolError(error, "ABORTED")) outages.recovered();
      throw error;
    }
  }
}

function graphqlUrl(base: string): URL {
  const url = new URL(base);
  if (!url.pathname.endsWith("/graphql")) url.pathname = `${url.pathname.replace(/\/+$/, "")}/graphql`;
  return url;
}

function readAnswer<T>(field: string, status: number, body: string): T {
  if (status === 401) throw new ProtocolError("UNAUTHORIZED", "HTTP 401");
  const answer = parseAnswer(body);
  const error = answer?.errors?.[0];
  if (error) {
    const kind = ERROR_KINDS[error.extensions?.code ?? ""] ?? (status === 413 ? "REFUSED" : "FAULT");
    throw new ProtocolError(kind, `${field}: ${error.message}`);
  }
  const payload = answer?.data?.[field];
  if (status === 200 && payload !== undefined && payload !== null) return payload as T;
  if (status === 413) throw new ProtocolError("REFUSED", `${field}: HTTP 413, the body is too large`);
  if (status === 500 || status === 200)
    throw new ProtocolError("FAULT", `${field}: HTTP ${status} without data`);
  throw new ProtocolError("UNREACHABLE", `HTTP ${status}, which is no GraphQL answer`);
}

function parseAnswer(body: string): GraphqlAnswer | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" ? (value as GraphqlAnswer | null) : null;
  } catch {
    return null;
  }
}
