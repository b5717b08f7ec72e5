/**
 * Who may do what: the one table. Every root field of the schema has a line here, and a test walks the schema
 * to see that none is missing.
 */

export const ACCOUNT_TYPES = ["USER", "SERVICE", "RUNNER", "SYSTEM"] as const;
export type AccountType = (typeof ACCOUNT_TYPES)[number];

/** From least to most; each role may do what the ones before it may. */
export const PROJECT_ROLES = ["PROJECT_USER", "PROJECT_SUPERUSER", "PROJECT_ADMIN"] as const;
export type ProjectRole = (typeof PROJECT_ROLES)[number];

/**
 * What a root field asks of its caller.
 * - AUTHENTICATED: any valid token; the answer holds only what its owner may see.
 * - RUNNER: a runner's token.
 * - a role: at least this role in the project of the object in question.
 */
export type Requirement = "AUTHENTICATED" | "RUNNER" | ProjectRole;

export const ACCESS = {
  Query: {
    viewer: "AUTHENTICATED",
    node: "PROJECT_USER",
    nodes: "PROJECT_USER",
    project: "PROJECT_USER",
    projects: "AUTHENTICATED",
    workflow: "PROJECT_USER",
    workflows: "PROJECT_USER",
    workflowRun: "PROJECT_USER",
    workflowRuns: "PROJECT_USER",
  },
  Mutation: {
    deployWorkflow: "PROJECT_ADMIN",
    triggerWorkflowRun: "PROJECT_SUPERUSER",
    cancelWorkflowRun: "PROJECT_SUPERUSER",
    registerRunner: "RUNNER",
    claimTasks: "RUNNER",
    heartbeatRunner: "RUNNER",
    reportTasks: "RUNNER",
    appendLogs: "RUNNER",
    pinRunSource: "RUNNER",
  },
  Subscription: {
    runEvents: "PROJECT_USER",
    stepLogs: "PROJECT_USER",
  },
} as const satisfies Record<string, Record<string, Requirement>>;

export type QueryName = keyof (typeof ACCESS)["Query"];
export type MutationName = keyof (typeof ACCESS)["Mutation"];
export type SubscriptionName = keyof (typeof ACCESS)["Subscription"];

export function roleSatisfies(held: ProjectRole | null, required: ProjectRole): boolean {
  return held !== null && PROJECT_ROLES.indexOf(held) >= PROJECT_ROLES.indexOf(required);
}

/** Everyone who can make a request, with what they may do. */
export interface Viewer {
  readonly accountId: string;
  readonly tokenId: string;
  readonly type: AccountType;
  readonly systemAdmin: boolean;
  /** The one project its token is limited to; null = no such limit. */
  readonly onlyProjectId: string | null;
  readonly roles: ReadonlyMap<string, ProjectRole>;
  readonly tokenExpiresAt: Date | null;
}

/** The viewer's role in a project; null = the project does not exist for them. */
export function roleIn(viewer: Viewer, projectId: string): ProjectRole | null {
  if (viewer.type === "RUNNER") return null;
  if (viewer.onlyProjectId !== null && viewer.onlyProjectId !== projectId) return null;
  return viewer.systemAdmin ? "PROJECT_ADMIN" : (viewer.roles.get(projectId) ?? null);
}
