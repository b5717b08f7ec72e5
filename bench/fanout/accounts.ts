import { randomBytes } from "node:crypto";
import type { RuncastClient } from "../../src/client/runcast-client.ts";

interface Created {
  readonly createServiceAccount: {
    readonly serviceAccount: { readonly account: { readonly id: string } } | null;
    readonly userErrors: readonly { readonly message: string }[];
  };
}
const CREATE = `mutation ($username: String!) {
  createServiceAccount(input: { projectId: "default", role: PROJECT_USER, username: $username }) {
    serviceAccount { account { id } } userErrors { message }
  }
}`;

interface NewToken {
  readonly createToken: {
    readonly token: string | null;
    readonly userErrors: readonly { readonly message: string }[];
  };
}
const TOKEN = `mutation ($accountId: ID!) {
  createToken(input: { accountId: $accountId, projectId: "default", description: "benchmark" }) {
    token userErrors { message }
  }
}`;

/** @returns the tokens of that many new accounts that may read the default project */
export async function createReaders(client: RuncastClient, count: number): Promise<string[]> {
  const tokens: string[] = [];
  const prefix = `bench-${randomBytes(4).toString("hex")}`;
  for (let i = 0; i < count; i++) {
    const { createServiceAccount } = await client.request<Created>(CREATE, { username: `${prefix}-${i}` });
    const created = createServiceAccount.serviceAccount;
    if (created === null) throw new Error(createServiceAccount.userErrors[0]?.message);
    const { createToken } = await client.request<NewToken>(TOKEN, { accountId: created.account.id });
    if (createToken.token === null) throw new Error(createToken.userErrors[0]?.message);
    tokens.push(createToken.token);
  }
  return tokens;
}
