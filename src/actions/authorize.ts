import {
  ACCESS,
  isSystemAdmin,
  type MutationName,
  type ProjectRole,
  roleIn,
  roleSatisfies,
  type Viewer,
} from "../domain/access.ts";
import { ForbiddenError, notFound } from "../domain/refusals.ts";

/**
 * The one check before a command touches an object of a project. Without any role the object does not exist
 * for the viewer; with too low a role it does, and the answer says so.
 */
export function authorize(viewer: Viewer, projectId: string, mutation: MutationName, path: string): void {
  const role = roleIn(viewer, projectId);
  if (role === null) throw notFound(path);
  const required = ACCESS.Mutation[mutation] as ProjectRole;
  if (!roleSatisfies(role, required)) {
    throw new ForbiddenError(`${mutation} needs the role ${required}; yours here is ${role}`);
  }
}

/** The check before a command that concerns the whole installation. */
export function authorizeSystem(viewer: Viewer, mutation: MutationName): void {
  if (!isSystemAdmin(viewer)) throw new ForbiddenError(`${mutation} is for system administrators`);
}
