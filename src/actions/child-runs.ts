import { typedInputs } from "../definitions/typed-inputs.ts";
import { type ExpressionContext, resolveWithin } from "../domain/expressions.ts";
import { encodeId } from "../domain/ids.ts";
import { RefusedError } from "../domain/refusals.ts";
import type { ParentStep } from "../domain/signals.ts";
import { isTerminal } from "../domain/statuses.ts";
import { runOutputs } from "../orchestration/outputs.ts";
import { advance, announce, type Engine } from "../orchestration/transition.ts";
import type { Transaction } from "../persistence/database.ts";
import { findRunInputs } from "../persistence/queries/runs.ts";
import { findWorkflowByName } from "../persistence/queries/workflows.ts";
import {
  type CancelChildSignal,
  childEnd,
  childOf,
  countOpenChildren,
  deleteSignal,
  hasStartSignal,
  type ParentRecord,
  parentOf,
  type RunSignal,
} from "../persistence/signal-store.ts";
import { stepOutputs } from "../persistence/task-store.ts";
import { type CreatedRun, createRun } from "./create-run.ts";
import { defaultRunOptions } from "./run-options.ts";

/** Runs that steps make and wait for. Each handler may be called twice for one signal, and by two replicas at once. */

/** A workflow that calls itself must come to an end. */
const MAX_DEPTH = 10;
/** Nor may it multiply without end: so many runs of a project that steps made may be open at once. */
const MAX_OPEN_CHILDREN = 1_000;
/** An input becomes a variable of the environment, of which the system takes no more. */
const MAX_INPUT_LENGTH = 128 * 1024;

export async function applySignal(engine: Engine, signal: RunSignal): Promise<void> {
  switch (signal.kind) {
    case "START_CHILD":
      return await startChild(engine, signal);
    case "CANCEL_CHILD":
      return await cancelChild(engine, signal);
    case "CHILD_FINISHED":
      await tellParent(engine, signal.parent, signal.childRunId);
      await deleteSignal(engine.database, signal.id);
  }
}

/** Made in the transaction that takes the signal, so that a step never has two children of one attempt. */
async function startChild(engine: Engine, signal: RunSignal): Promise<void> {
  const { parent } = signal;
  let created: CreatedRun | null = null;
  let refusal: string | null = null;
  try {
    created = await engine.database.transaction(async (transaction) => {
      if (!(await deleteSignal(transaction, signal.id))) return null;
      const record = await parentOf(transaction, parent);
      return record?.waiting === true ? await makeChild(transaction, engine, parent, record) : null;
    });
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    refusal = error.message;
  }
  if (created !== null) {
    announce(engine.bus, created.applied);
    return;
  }
  if (refusal === null && (await childOf(engine.database, parent)) !== null) return;
  // Refused, or stopped before it came to be: the step goes on without a child.
  await endStep(engine, parent, { status: refusal === null ? "CANCELED" : "FAILED", message: refusal });
  await deleteSignal(engine.database, signal.id);
}

async function makeChild(
  transaction: Transaction,
  engine: Engine,
  parent: ParentStep,
  { versionId, projectId, createdBy, depth }: ParentRecord,
): Promise<CreatedRun> {
  const message = `children of children are made ${MAX_DEPTH} deep and no deeper`;
  if (depth >= MAX_DEPTH) {
    throw new RefusedError({ kind: "LimitExceeded", message, path: "child", limit: MAX_DEPTH });
  }
  if ((await countOpenChildren(transaction, projectId, MAX_OPEN_CHILDREN)) >= MAX_OPEN_CHILDREN) {
    const tooMany = `${MAX_OPEN_CHILDREN} runs that steps made are open in this project already`;
    throw new RefusedError({
      kind: "LimitExceeded",
      message: tooMany,
      path: "child",
      limit: MAX_OPEN_CHILDREN,
    });
  }
  const { steps } = await engine.versions.get(transaction, versionId);
  const { workflow: name, inputs } = steps[parent.step]!.child!;
  const workflow = await findWorkflowByName(transaction, projectId, name);
  if (workflow === null) {
    throw new RefusedError({ kind: "NotFound", message: `there is no workflow "${name}"`, path: "child" });
  }
  const [given] = await findRunInputs(transaction, [parent.runId]);
  const context = { inputs: given?.inputs ?? {}, stepOutputs: await stepOutputs(transaction, parent.runId) };
  const texts = Object.entries(inputs).map(([key, value]) => [key, inputText(key, value, context)] as const);
  const { definition } = await engine.versions.get(transaction, workflow.latestVersionId);
  const values = typedInputs(definition.inputs, Object.fromEntries(texts));
  return await createRun(transaction, engine, {
    workflowId: workflow.id,
    actorId: createdBy,
    trigger: { type: "PARENT", ref: encodeId("StepRun", parent.runId, parent.step) },
    options: { ...defaultRunOptions(), inputs: values },
    parent,
    action: "startChildRun",
  });
}

function inputText(key: string, template: string, context: ExpressionContext): string {
  const text = resolveWithin(template, context, MAX_INPUT_LENGTH);
  if (text !== null) return text;
  const message = `its input "${key}" is longer than ${MAX_INPUT_LENGTH} characters`;
  throw new RefusedError({ kind: "LimitExceeded", message, path: "child", limit: MAX_INPUT_LENGTH });
}

/** A child that is about to be made is awaited; one that never was is no obstacle. */
async function cancelChild(engine: Engine, signal: CancelChildSignal): Promise<void> {
  const { parent, mode, message } = signal;
  const child = await childOf(engine.database, parent);
  if (child === null) {
    if (await hasStartSignal(engine.database, parent)) return;
    // Between the two looks it may have been made.
    if ((await childOf(engine.database, parent)) !== null) return await cancelChild(engine, signal);
    await endStep(engine, parent, { status: "CANCELED", message: null });
  } else {
    await advance(engine, [child], () => [{ kind: "CANCEL_RUN", mode, message, actorId: null }]);
    await tellParent(engine, parent, child);
  }
  await deleteSignal(engine.database, signal.id);
}

/** A child that was reopened meanwhile tells again when it ends. */
async function tellParent(engine: Engine, parent: ParentStep, childRunId: string): Promise<void> {
  const child = await childEnd(engine.database, childRunId);
  if (child === null) return await endStep(engine, parent, { status: "CANCELED", message: "deleted" });
  const { status, reason, workflowName, number, versionId } = child;
  if (!isTerminal(status)) return;
  const why = reason === null ? "" : `: ${reason}`;
  const message = `run #${number} of "${workflowName}" ended ${status}${why}`;
  const inputs = (await findRunInputs(engine.database, [childRunId]))[0]?.inputs ?? {};
  const output = await runOutputs(engine, { runId: childRunId, versionId, inputs });
  await endStep(engine, parent, { status, message, output });
}

interface ChildEnd {
  readonly status: "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "CANCELED" | "SKIPPED";
  readonly message: string | null;
  readonly output?: Readonly<Record<string, unknown>>;
}

async function endStep(
  engine: Engine,
  { runId, step, attempt }: ParentStep,
  { status, message, output = {} }: ChildEnd,
): Promise<void> {
  await advance(engine, [runId], () => [{ kind: "CHILD_ENDED", step, attempt, status, message, output }]);
}
