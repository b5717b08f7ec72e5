import type { MutationName, Viewer } from "../domain/access.ts";
import { encodeId } from "../domain/ids.ts";
import { invalidValue, notFound } from "../domain/refusals.ts";
import type { Engine } from "../orchestration/transition.ts";
import type { SecretOwner } from "../persistence/queries/secrets.ts";
import { findWorkflow } from "../persistence/queries/workflows.ts";
import { authorize } from "./authorize.ts";

/** A project or a workflow, as a command names it. */
export type SecretOwnerKey = { readonly projectId: string } | { readonly workflowId: string };

export interface SecretName {
  readonly owner: SecretOwnerKey;
  readonly name: string;
}

const PATH = "input.owner";
const NAME = /^[A-Z_][A-Z0-9_]{0,99}$/;

/** The owner that the viewer may give secrets to and take them from. */
export async function secretOwner(
  { database }: Engine,
  viewer: Viewer,
  key: SecretOwnerKey,
  mutation: MutationName,
): Promise<SecretOwner & { readonly target: string }> {
  const owner =
    "projectId" in key ? { ...key, workflowId: null } : await findWorkflow(database, key.workflowId);
  if (owner === null) throw notFound(PATH);
  const { projectId } = owner;
  authorize(viewer, projectId, mutation, PATH);
  const workflowId = "workflowId" in key ? key.workflowId : null;
  const target = workflowId === null ? encodeId("Project", projectId) : encodeId("Workflow", workflowId);
  return { projectId, workflowId, target };
}

export function checkSecretName(name: string): void {
  if (NAME.test(name)) return;
  throw invalidValue(
    "input.name",
    "1 to 100 capital letters, digits and underscores, not starting with a digit",
  );
}
