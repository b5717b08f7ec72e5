import { notFound } from "../domain/refusals.ts";
import { findAccount, findAccountByUsername, type ManagedAccount } from "../persistence/queries/accounts.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";

/** How a caller names an account. Looked up only after it is known that they may. */
export type AccountRef = { readonly id: string } | { readonly username: string };

export async function referredAccount(source: Queryable, ref: AccountRef): Promise<ManagedAccount> {
  const account =
    "id" in ref ? await findAccount(source, ref.id) : await findAccountByUsername(source, ref.username);
  if (account === null) throw notFound("input.account");
  return account;
}
