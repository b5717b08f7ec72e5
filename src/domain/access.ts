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
 * - USER_OR_SERVICE: the token of a person or a service; what they may do with it depends on the object.
 * - RUNNER: a runner's token.
 * - a role: at least this role in the project of the object in question.
 * - SYSTEM_ADMIN: administers the whole installation, with a token that is not limited to one project.
 */
export type Requirement = "AUTHENTICATED" | "USER_OR_SERVICE" | "RUNNER" | ProjectRole | "SYSTEM_ADMIN";

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
    bulkOperation: "USER_OR_SERVICE",
    bulkOperations: "USER_OR_SERVICE",
    workflowRunCounts: "PROJECT_USER",
    workflowRunStats: "PROJECT_USER",
    workflowRunFacets: "PROJECT_USER",
    compareWorkflowRuns: "PROJECT_USER",
    stepRuns: "PROJECT_USER",
    approvals: "PROJECT_USER",
    logSearch: "PROJECT_USER",
    runners: "PROJECT_USER",
    testRuns: "PROJECT_USER",
    testHistory: "PROJECT_USER",
    flakyTests: "PROJECT_USER",
    slowestTests: "PROJECT_USER",
    auditLog: "PROJECT_ADMIN",
    schedules: "PROJECT_USER",
    webhooks: "PROJECT_USER",
    account: "PROJECT_ADMIN",
    accounts: "SYSTEM_ADMIN",
    taskArtifacts: "RUNNER",
  },
  Mutation: {
    createProject: "SYSTEM_ADMIN",
    updateProject: "PROJECT_ADMIN",
    archiveProject: "PROJECT_ADMIN",
    unarchiveProject: "PROJECT_ADMIN",
    setProjectMember: "PROJECT_ADMIN",
    removeProjectMember: "PROJECT_ADMIN",
    createUser: "SYSTEM_ADMIN",
    disableAccount: "SYSTEM_ADMIN",
    enableAccount: "SYSTEM_ADMIN",
    createServiceAccount: "PROJECT_ADMIN",
    createToken: "USER_OR_SERVICE",
    createRunnerToken: "PROJECT_ADMIN",
    revokeToken: "USER_OR_SERVICE",
    deployWorkflow: "PROJECT_ADMIN",
    renameWorkflow: "PROJECT_ADMIN",
    archiveWorkflow: "PROJECT_ADMIN",
    unarchiveWorkflow: "PROJECT_ADMIN",
    createSchedule: "PROJECT_ADMIN",
    updateSchedule: "PROJECT_ADMIN",
    deleteSchedule: "PROJECT_ADMIN",
    createWebhook: "PROJECT_ADMIN",
    updateWebhook: "PROJECT_ADMIN",
    rotateWebhookSecret: "PROJECT_ADMIN",
    deleteWebhook: "PROJECT_ADMIN",
    setSecret: "PROJECT_ADMIN",
    deleteSecret: "PROJECT_ADMIN",
    triggerWorkflowRun: "PROJECT_SUPERUSER",
    executeWorkflow: "PROJECT_SUPERUSER",
    // Bulk commands ask for the role run by run: an outcome of its own says so.
    cancelWorkflowRuns: "USER_OR_SERVICE",
    replayWorkflowRuns: "USER_OR_SERVICE",
    retryWorkflowRuns: "USER_OR_SERVICE",
    deleteWorkflowRuns: "USER_OR_SERVICE",
    setWorkflowRunsLabels: "USER_OR_SERVICE",
    abortBulkOperation: "USER_OR_SERVICE",
    startWorkflowRun: "PROJECT_SUPERUSER",
    cancelWorkflowRun: "PROJECT_SUPERUSER",
    pauseWorkflowRun: "PROJECT_SUPERUSER",
    resumeWorkflowRun: "PROJECT_SUPERUSER",
    retryWorkflowRun: "PROJECT_SUPERUSER",
    finalizeWorkflowRun: "PROJECT_SUPERUSER",
    deleteWorkflowRun: "PROJECT_SUPERUSER",
    setWorkflowRunLabels: "PROJECT_SUPERUSER",
    annotateWorkflowRun: "PROJECT_SUPERUSER",
    uploadRunLogs: "PROJECT_SUPERUSER",
    abortStepRun: "PROJECT_SUPERUSER",
    retryStepRun: "PROJECT_SUPERUSER",
    replayStepRunSubtree: "PROJECT_SUPERUSER",
    skipStepRun: "PROJECT_SUPERUSER",
    forceCompleteStepRun: "PROJECT_SUPERUSER",
    completeStepRun: "PROJECT_SUPERUSER",
    // A step may name approvers of any role; without, its action asks for PROJECT_SUPERUSER.
    decideApproval: "PROJECT_USER",
    submitTests: "PROJECT_SUPERUSER",
    rediscoverTests: "PROJECT_SUPERUSER",
    rerunTestRuns: "PROJECT_SUPERUSER",
    abortTestRuns: "PROJECT_SUPERUSER",
    reviewTestRuns: "PROJECT_SUPERUSER",
    reportTestRuns: "RUNNER",
    // Open to the step's own processes as well.
    reportStepProgress: "PROJECT_SUPERUSER",
    recordStepTrace: "PROJECT_SUPERUSER",
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
    runLogs: "PROJECT_USER",
    workflowRunsChanged: "PROJECT_USER",
    workflowRunCountsChanged: "PROJECT_USER",
    approvalsPending: "PROJECT_USER",
    testRunsChanged: "PROJECT_USER",
    bulkOperationProgress: "USER_OR_SERVICE",
  },
} as const satisfies Record<string, Record<string, Requirement>>;

export type QueryName = keyof (typeof ACCESS)["Query"];
export type MutationName = keyof (typeof ACCESS)["Mutation"];
export type SubscriptionName = keyof (typeof ACCESS)["Subscription"];

export function roleSatisfies(held: ProjectRole | null, required: ProjectRole): boolean {
  const least = PROJECT_ROLES.indexOf(required);
  return held !== null && least >= 0 && PROJECT_ROLES.indexOf(held) >= least;
}

/**
 * What the processes of a step may do with the token that they are given, each to its own step: only this, whatever
 * the fields ask of others.
 */
export const OPEN_TO_TASKS: ReadonlySet<string> = new Set<MutationName>([
  "reportStepProgress",
  "recordStepTrace",
]);

/** One lease of one step. */
export interface TaskLease {
  readonly runId: string;
  readonly step: number;
  readonly fence: number;
}

/** A step that speaks for itself, and who executes it. */
export interface TaskViewer extends TaskLease {
  readonly session: string;
  /** Its runner's start of it has been applied. */
  readonly started: boolean;
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
  /** Set for the processes of a step, which have no role anywhere; their account is their runner's. */
  readonly task?: TaskViewer;
}

/** The viewer's role in a project; null = the project does not exist for them. */
export function roleIn(viewer: Viewer, projectId: string): ProjectRole | null {
  if (viewer.type === "RUNNER") return null;
  if (viewer.onlyProjectId !== null && viewer.onlyProjectId !== projectId) return null;
  return viewer.systemAdmin ? "PROJECT_ADMIN" : (viewer.roles.get(projectId) ?? null);
}

/** Whether the viewer may do everything; a token that is limited to one project does not carry that far. */
export function isSystemAdmin({ type, systemAdmin, onlyProjectId }: Viewer): boolean {
  return systemAdmin && onlyProjectId === null && type !== "RUNNER";
}

/** Whether the viewer administers at least one project, and so may look for people to add to it. */
export function administersAnyProject(viewer: Viewer): boolean {
  if (isSystemAdmin(viewer)) return true;
  const projects = viewer.onlyProjectId === null ? [...viewer.roles.keys()] : [viewer.onlyProjectId];
  return projects.some((projectId) => roleIn(viewer, projectId) === "PROJECT_ADMIN");
}
