import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { keyOf, placeOf, testPlaceOf } from "../domain/ids.ts";
import type { Services } from "../graphql/context.ts";
import { findRunLogs, readFileContent, readRunText, readText } from "../logs/download.ts";
import { readBytes } from "../logs/read-log.ts";
import { findLogFiles } from "../persistence/queries/log-files.ts";
import { areGone, findLogs, type LogHead, logHead, type StoredLog } from "../persistence/queries/logs.ts";
import { findRuns, type RunRecord } from "../persistence/queries/runs.ts";
import { findSteps } from "../persistence/queries/steps.ts";
import { attemptsOfTests, logOfAttempt } from "../persistence/queries/tests.ts";
import type { Authenticator } from "./authenticate.ts";
import { fileAccess, mayAccess } from "./file-access.ts";
import { answeringProblems, noSuchFile, Problem, unauthenticated } from "./problem.ts";
import { safeFileName, sendRanged, sendText } from "./send-text.ts";

type Download<Params> = FastifyRequest<{ Params: Params; Querystring: Readonly<Record<string, unknown>> }>;

/** GET and HEAD of the logs of a run, of a step, of a test, and of files that were added to them. */
export function serveLogDownloads(
  server: FastifyInstance,
  services: Services,
  authenticator: Authenticator,
): void {
  const downloads = new LogDownloads(services, authenticator);
  const route = <Params>(
    url: string,
    handle: (request: Download<Params>, reply: FastifyReply) => Promise<FastifyReply>,
  ): void => {
    server.route<{ Params: Params; Querystring: Readonly<Record<string, unknown>> }>({
      url,
      method: ["GET", "HEAD"],
      handler: answeringProblems(async (request: Download<Params>, reply) => await handle(request, reply)),
    });
  };
  route<{ runId: string }>("/runs/:runId/logs", async (...all) => await downloads.ofRun(...all));
  route<{ stepRunId: string }>("/steps/:stepRunId/logs", async (...all) => await downloads.ofStep(...all));
  route<{ testRunId: string }>(
    "/test-runs/:testRunId/logs",
    async (...all) => await downloads.ofTest(...all),
  );
  route<{ id: string }>("/log-files/:id", async (...all) => await downloads.ofFile(...all));
}

class LogDownloads {
  readonly #services: Services;
  readonly #authenticator: Authenticator;

  constructor(services: Services, authenticator: Authenticator) {
    this.#services = services;
    this.#authenticator = authenticator;
  }

  async ofRun(request: Download<{ runId: string }>, reply: FastifyReply): Promise<FastifyReply> {
    const run = await this.#readableRun(request, keyOf("WorkflowRun", request.params.runId));
    const { engine } = this.#services;
    const logs = await findRunLogs(this.#sources, run.id, engine.clock.now());
    const { heads, files } = logs;
    if (files.length === 0 && areGone(heads)) throw gone();
    const { graph } = await engine.versions.get(engine.database, run.workflowVersionId);
    return await sendText(request, reply, {
      fileName: safeFileName(run.workflowName, run.number).concat(".log"),
      read: () => readRunText(this.#sources, logs, (step) => graph.steps[step]!.ref),
    });
  }

  async ofStep(request: Download<{ stepRunId: string }>, reply: FastifyReply): Promise<FastifyReply> {
    const place = placeOf("StepRun", request.params.stepRunId);
    const run = await this.#readableRun(request, place?.runId ?? null);
    const [step] = await findSteps(this.#services.engine.database, [place!]);
    if (step === undefined) throw noSuchFile();
    const log = await this.#logOf(
      run.id,
      place!.index,
      readAttempt(request.query["attempt"]) ?? step.attempt,
    );
    const fileName = safeFileName(run.workflowName, run.number, step.ref, log.attempt).concat(".log");
    return await this.#send(request, reply, log, fileName);
  }

  async ofTest(request: Download<{ testRunId: string }>, reply: FastifyReply): Promise<FastifyReply> {
    const place = testPlaceOf(request.params.testRunId);
    const run = await this.#readableRun(request, place?.runId ?? null);
    const { database } = this.#services.engine;
    const attempts = await attemptsOfTests(database, [place!]);
    const asked = readAttempt(request.query["attempt"]);
    const attempt = asked === null ? attempts.at(-1) : attempts.find(({ number }) => number === asked);
    const key = attempt === undefined ? null : logOfAttempt(attempt);
    if (key === null) throw noSuchFile();
    const [log] = await findLogs(database, [key]);
    const { step, index } = place!;
    const { number } = attempt!;
    const fileName = safeFileName(run.workflowName, run.number, step, "test", index, number).concat(".log");
    return await this.#send(request, reply, log!, fileName);
  }

  async ofFile(request: Download<{ id: string }>, reply: FastifyReply): Promise<FastifyReply> {
    const key = keyOf("LogFile", request.params.id);
    const [file] = key === null ? [] : await findLogFiles(this.#services.engine.database, [key]);
    await this.#readableRun(request, file?.runId ?? null);
    const fileName = safeFileName("log", file!.name).concat(".txt");
    return await sendText(request, reply, { fileName, read: () => readFileContent(this.#sources, file!) });
  }

  async #send(
    request: Download<unknown>,
    reply: FastifyReply,
    log: StoredLog,
    fileName: string,
  ): Promise<FastifyReply> {
    if (log.dropped) throw gone();
    if (!isRaw(request.query["format"])) {
      return await sendText(request, reply, { fileName, read: () => readText(this.#sources, log) });
    }
    return await sendRanged(request, reply, {
      fileName,
      length: log.length,
      read: (range) => readBytes(this.#sources, log, range),
    });
  }

  get #sources() {
    const { engine, blobs } = this.#services;
    return { database: engine.database, blobs };
  }

  async #readableRun(request: FastifyRequest, runId: string | null): Promise<RunRecord> {
    const access = await fileAccess(request, this.#services, this.#authenticator);
    if (access === null) throw unauthenticated();
    const [run] = runId === null ? [] : await findRuns(this.#services.engine.database, [runId]);
    if (run === undefined || !mayAccess(access, run.projectId)) throw noSuchFile();
    return run;
  }

  async #logOf(runId: string, step: number, attempt: number): Promise<LogHead> {
    const { database, clock } = this.#services.engine;
    const head = attempt < 1 ? null : await logHead(database, runId, step, attempt, clock.now());
    if (head === null) throw noSuchFile();
    return head;
  }
}

function readAttempt(value: unknown): number | null {
  if (value === undefined) return null;
  if (typeof value !== "string" || !/^[1-9]\d{0,8}$/.test(value)) {
    throw new Problem(400, "BAD_REQUEST", "`attempt` must be a number from 1");
  }
  return Number(value);
}

function isRaw(value: unknown): boolean {
  if (value === undefined || value === "text") return false;
  if (value === "raw") return true;
  throw new Problem(400, "BAD_REQUEST", "`format` must be text or raw");
}

function gone(): Problem {
  return new Problem(410, "GONE", "the logs of this run are not kept any more");
}
