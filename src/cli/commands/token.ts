import { PROJECT_ROLES, type ProjectRole } from "../../domain/access.ts";
import { createToken, type NewToken, openProject } from "../../persistence/account-store.ts";
import { createDataSource } from "../../persistence/data-source.ts";
import { Database } from "../../persistence/database.ts";
import { DatabaseClock } from "../../persistence/database-clock.ts";
import { migrate } from "../../persistence/migrate.ts";
import { UsageError } from "../run-workflow.ts";
import { readConfig } from "./context.ts";

export interface TokenOptions {
  readonly project?: string;
  readonly role?: string;
  readonly name?: string;
  readonly runner?: boolean;
  readonly admin?: boolean;
  readonly service?: boolean;
  readonly days?: string;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Writes a token to the database and prints it once; only its hash is kept. */
export async function token(options: TokenOptions): Promise<void> {
  const { databaseUrl } = readConfig();
  if (databaseUrl === null) throw new Error("token needs DATABASE_URL");
  const wanted = readOptions(options);
  await migrate(databaseUrl);
  const database = new Database(await createDataSource({ url: databaseUrl, poolSize: 2 }).initialize());
  try {
    const clock = await DatabaseClock.start(database);
    const made = await database.transaction(async (transaction) => {
      const projectId =
        options.project === undefined ? null : await openProject(transaction, options.project, clock);
      const expiresAt = wanted.days === null ? null : new Date(clock.now().getTime() + wanted.days * DAY_MS);
      const membership = projectId === null || wanted.role === null ? null : { projectId, role: wanted.role };
      const token: NewToken = { ...wanted.account, membership, onlyProjectId: projectId, expiresAt };
      return await createToken(transaction, token, clock);
    });
    process.stdout.write(`${made}\n`);
  } finally {
    await database[Symbol.asyncDispose]();
  }
}

function readOptions({
  project,
  role,
  name,
  runner = false,
  admin = false,
  service = false,
  days,
}: TokenOptions) {
  if ([runner, admin, role !== undefined].filter(Boolean).length !== 1) {
    throw new UsageError("choose one: --role ROLE with --project, --runner, or --admin");
  }
  if (role !== undefined && project === undefined) throw new UsageError("--role needs --project");
  if (admin && project !== undefined)
    throw new UsageError("--admin is for all projects: leave --project out");
  const known = PROJECT_ROLES.find((each) => each === role);
  if (role !== undefined && known === undefined)
    throw new UsageError(`--role must be one of ${PROJECT_ROLES.join(", ")}`);
  const lifetime = days === undefined ? null : Number(days);
  if (lifetime !== null && !(lifetime > 0 && lifetime <= 3650))
    throw new UsageError("--days must be 1 to 3650");
  const type = runner ? "RUNNER" : service ? "SERVICE" : "USER";
  const username = name ?? defaultName(project, known ?? null, runner, admin);
  return {
    role: (known ?? null) as ProjectRole | null,
    days: lifetime,
    account: { username, type, systemAdmin: admin, description: "runcast token" },
  } as const;
}

function defaultName(
  project: string | undefined,
  role: ProjectRole | null,
  runner: boolean,
  admin: boolean,
): string {
  if (admin) return "admin";
  const owner = project === undefined ? "" : `${project}-`;
  return runner ? `${owner}runner` : `${owner}${role?.replace("PROJECT_", "").toLowerCase()}`;
}
