import type { IncomingHttpHeaders } from "node:http";
import type { TaskTokens } from "../actions/task-tokens.ts";
import type { Viewer } from "../domain/access.ts";
import type { Clock } from "../domain/clock.ts";
import { findToken, isToken } from "../persistence/queries/people.ts";
import type { Queryable } from "../persistence/queries/queryable.ts";
import { leaseHolder } from "../persistence/queries/task-leases.ts";

/** A revoked token or a changed role is noticed after this long at the latest. */
const REMEMBER_MS = 2_500;
const CAPACITY = 10_000;

/** Finds the viewer behind a token. Answers are kept for a moment: a busy client asks many times a second. */
export class Authenticator {
  readonly #database: Queryable;
  readonly #clock: Clock;
  readonly #taskTokens: TaskTokens;
  readonly #known = new Map<string, { readonly viewer: Viewer; readonly until: number }>();

  constructor(database: Queryable, clock: Clock, taskTokens: TaskTokens) {
    this.#database = database;
    this.#clock = clock;
    this.#taskTokens = taskTokens;
  }

  /** Null without a valid token. */
  async viewerOf(token: string | null): Promise<Viewer | null> {
    if (token === null) return null;
    const now = this.#clock.now();
    if (!isToken(token)) return await this.#readTask(token, now);
    const known = this.#known.get(token);
    if (known !== undefined && known.until > now.getTime())
      return isValid(known.viewer, now) ? known.viewer : null;
    const viewer = await this.#read(token, now);
    if (viewer === null) return null;
    if (this.#known.size >= CAPACITY) this.#known.clear();
    this.#known.set(token, { viewer, until: now.getTime() + REMEMBER_MS });
    return viewer;
  }

  async #read(token: string, now: Date): Promise<Viewer | null> {
    const record = await findToken(this.#database, token, now);
    if (record === null) return null;
    const { roles, ...rest } = record;
    return { ...rest, roles: new Map(Object.entries(roles)) };
  }

  /** Asked anew every time: such a token ends with its step. */
  async #readTask(token: string, now: Date): Promise<Viewer | null> {
    const lease = this.#taskTokens.verify(token);
    const holder = lease === null ? null : await leaseHolder(this.#database, lease, now);
    if (lease === null || holder === null) return null;
    const { accountId, session, started } = holder;
    return {
      accountId,
      tokenId: "",
      type: "SERVICE",
      systemAdmin: false,
      onlyProjectId: null,
      roles: new Map(),
      tokenExpiresAt: null,
      task: { ...lease, session, started },
    };
  }
}

function isValid({ tokenExpiresAt }: Viewer, now: Date): boolean {
  return tokenExpiresAt === null || tokenExpiresAt > now;
}

/** `Authorization: Bearer TOKEN` or `X-Access-Token: TOKEN`. */
export function tokenOf(headers: IncomingHttpHeaders | Record<string, unknown>): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(text(headers["authorization"]) ?? "");
  return bearer?.[1] ?? text(headers["x-access-token"]);
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
