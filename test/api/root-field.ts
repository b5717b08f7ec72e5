import type { Requirement } from "../../src/domain/access.ts";
import { encodeId } from "../../src/domain/ids.ts";

/** Ids of the objects that the fields are asked for. */
export interface Objects {
  readonly project: string;
  readonly workflow: string;
  readonly workflowName: string;
  readonly run: string;
  readonly step: string;
  /** A step that waits for approval. */
  readonly approval: string;
  readonly serviceAccount: string;
  /** Of that service account, limited to the project. */
  readonly token: string;
  readonly schedule: string;
  readonly webhook: string;
}

/** What somebody gets: it is done (or refused for another reason than who asks), forbidden, or not there. */
export type Outcome = "ALLOWED" | "FORBIDDEN" | "NOTHING";

export interface RootField {
  /** What the contract asks; the access table must say the same. */
  readonly requirement: Requirement;
  /** A request about the given objects. */
  readonly request: (objects: Objects) => string;
  /** The role that it takes for these objects, where the access table leaves that to the resolver. */
  readonly role?: Requirement;
  /** Who gets something else than the requirement says. */
  readonly exceptions?: Readonly<Record<string, Outcome>>;
}

export const FLOW = (name: string) =>
  `name: ${name}\nstages: [{ name: a, steps: [{ ref: x, run: "true" }, { ref: ok, type: approval }] }]\n`;
export const SESSION = encodeId("RunnerSession", "00000000-0000-0000-0000-0000000000ff");
const ERRORS = "__typename userErrors { __typename code message path }";

export function row(
  requirement: Requirement,
  request: (objects: Objects) => string,
  more: Pick<RootField, "role" | "exceptions"> = {},
): RootField {
  return { requirement, request, ...more };
}

/** A mutation that really happens where it is allowed. */
export function deed(name: string, input: string): string {
  return `mutation { ${name}(input: { ${input} }) { ${ERRORS} } }`;
}

/** A mutation that is only rehearsed, so that the objects are the same for everybody who asks after. */
export function command(name: string, input: string): string {
  return deed(name, `${input}, dryRun: true`);
}

export function runners(name: string, input: string, answer: string): string {
  return `mutation { ${name}(input: { ${input} }) { ${answer} } }`;
}

/** A command to many runs: here to one. */
export function bulk(name: string, more = ""): RootField {
  const request = ({ run }: Objects) =>
    `mutation { ${name}(input: { runs: { ids: ["${run}"] }${more}, dryRun: true }) { items { outcome } ${ERRORS} } }`;
  return row("USER_OR_SERVICE", request, { role: "PROJECT_SUPERUSER" });
}

/** For requests about something that does not exist for anybody. */
export const NOBODY_FINDS: Readonly<Record<string, Outcome>> = Object.fromEntries(
  ["PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN"]
    .flatMap((role) => [role, `${role} elsewhere`])
    .concat("none", "SYSTEM_ADMIN", "SYSTEM_ADMIN limited to another project")
    .map((who) => [who, "NOTHING" as const]),
);
