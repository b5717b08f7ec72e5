/** How much of something an account has at once. */
export class AccountLimit {
  readonly most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.most = most;
  }

  /** @returns false when the account has as many as it may have; otherwise it has one more, until it is given back */
  take(accountId: string): boolean {
    const count = this.#counts.get(accountId) ?? 0;
    if (count >= this.most) return false;
    this.#counts.set(accountId, count + 1);
    return true;
  }

  giveBack(accountId: string): void {
    const left = this.#counts.get(accountId)! - 1;
    if (left === 0) this.#counts.delete(accountId);
    else this.#counts.set(accountId, left);
  }
}
