import { expect } from "vitest";
import type { TestServer } from "../support/server.ts";

const ERRORS = `userErrors { __typename code message path
  ... on InvalidState { current } ... on RevisionConflict { revision } ... on ValidationFailed { faults { path message } } }`;

// biome-ignore lint/suspicious/noExplicitAny: payloads of every mutation
export type Payload = any;

/** One mutation that takes `input`; a top-level error is answered as its code. */
export async function carry(
  server: TestServer,
  mutation: string,
  input: object,
  fields: string,
  token: string = server.adminToken,
): Promise<Payload> {
  const type = `${INPUT_TYPES[mutation] ?? mutation[0]!.toUpperCase() + mutation.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${mutation}(input: $input) { ${fields} ${ERRORS} } }`;
  const { body } = await server.post({ query, variables: { input } }, { token });
  return body.errors?.[0].extensions.code ?? body.data[mutation];
}

const INPUT_TYPES: Readonly<Record<string, string>> = {
  unarchiveProject: "ArchiveProject",
  unarchiveWorkflow: "ArchiveWorkflow",
  disableAccount: "Account",
  enableAccount: "Account",
};

/** A query that must succeed. */
export async function read(
  server: TestServer,
  query: string,
  token: string = server.adminToken,
): Promise<Payload> {
  const { body } = await server.post({ query }, { token });
  expect(body.errors ?? []).toEqual([]);
  return body.data;
}

export interface AuditRow {
  readonly action: string;
  readonly target: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export async function auditOf(server: TestServer, ...actions: string[]): Promise<AuditRow[]> {
  return await server.database.query<AuditRow & Record<string, unknown>>(
    "select action, target, details from audit_entry where action = any ($1) order by id",
    [actions],
  );
}
