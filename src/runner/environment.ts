import { stepCookie } from "./cookie.ts";
import { COOKIE_VARIABLE } from "./process-table.ts";
import type { GrantedTask, TaskSpec } from "./protocol.ts";

const STEP_VARIABLES: ReadonlySet<string> = new Set(["PATH", "HOME", "LANG", "TZ", "TMPDIR"]);
const STEP_VARIABLE_FAMILIES = /^(?:LC_|npm_config_)/i;

/** What git needs besides to reach a repository the way the machine's owner set it up. */
const GIT_VARIABLES: ReadonlySet<string> = new Set([
  "XDG_CONFIG_HOME",
  "SSH_AUTH_SOCK",
  "GIT_SSH_COMMAND",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
]);
const PROXY_VARIABLES = /^(?:https?|all|no)_proxy$/i;

function inherited(
  environment: NodeJS.ProcessEnv,
  allowed: (name: string) => boolean,
): Record<string, string> {
  const kept = Object.entries(environment).filter(([name, value]) => value !== undefined && allowed(name));
  return Object.fromEntries(kept) as Record<string, string>;
}

function isStepVariable(name: string): boolean {
  return STEP_VARIABLES.has(name) || STEP_VARIABLE_FAMILIES.test(name);
}

export interface StepPlace {
  readonly workspace: string;
  readonly outputFile: string;
  readonly token: string;
  /** Where the runner reaches the API. */
  readonly apiUrl: string;
}

/**
 * A step's whole environment: a few variables of the machine, then the workflow's, then the runner's own. The
 * runner's token and whatever else its environment holds stay out.
 */
export function stepEnvironment(
  task: GrantedTask,
  place: StepPlace,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  return {
    ...inherited(environment, isStepVariable),
    CI: "true",
    ...Object.fromEntries(task.spec.env.map(({ key, value }) => [key, value])),
    RUNCAST_RUN_ID: task.workflowRunId,
    RUNCAST_STEP_REF: task.stepRef,
    RUNCAST_ATTEMPT: String(task.attempt),
    RUNCAST_FENCE: String(task.fence),
    RUNCAST_OUTPUT: place.outputFile,
    RUNCAST_WORKSPACE: place.workspace,
    ...apiAccess(task.spec, place.apiUrl),
    [COOKIE_VARIABLE]: stepCookie(place.token, environment),
  };
}

/** What the step's processes need to speak for it. */
function apiAccess({ taskToken, apiUrl }: TaskSpec, ownUrl: string): Record<string, string> {
  return taskToken === null ? {} : { RUNCAST_API_URL: apiUrl ?? ownUrl, RUNCAST_TASK_TOKEN: taskToken };
}

export interface GitAccess {
  readonly token: string;
  readonly fileSources: boolean;
}

/** For git's own processes: never asks anybody anything, and speaks no transport that runs a command. */
export function gitEnvironment(
  { token, fileSources }: GitAccess,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const allowed = (name: string) =>
    isStepVariable(name) || GIT_VARIABLES.has(name) || PROXY_VARIABLES.test(name);
  return {
    ...inherited(environment, allowed),
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "true",
    SSH_ASKPASS: "true",
    GIT_ALLOW_PROTOCOL: fileSources ? "https:http:ssh:git:file" : "https:http:ssh:git",
    [COOKIE_VARIABLE]: stepCookie(token, environment),
  };
}
