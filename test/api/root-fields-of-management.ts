import { command, deed, FLOW, type RootField, row } from "./root-field.ts";

/** Projects, members, accounts, tokens, workflows, schedules, webhooks. */
export const MANAGEMENT_FIELDS: Readonly<Record<string, RootField>> = {
  "Query.account": row("PROJECT_ADMIN", () => `{ account(username: "none") { username } }`, {
    exceptions: {
      // It is about no project: whoever administers one may ask.
      none: "FORBIDDEN",
      "PROJECT_USER elsewhere": "FORBIDDEN",
      "PROJECT_SUPERUSER elsewhere": "FORBIDDEN",
      "PROJECT_ADMIN elsewhere": "ALLOWED",
      "SYSTEM_ADMIN limited to another project": "ALLOWED",
    },
  }),
  "Query.accounts": row("SYSTEM_ADMIN", () => "{ accounts { nodes { username } } }"),

  "Mutation.createProject": row("SYSTEM_ADMIN", () => command("createProject", `slug: "new", name: "New"`)),
  "Mutation.updateProject": row("PROJECT_ADMIN", ({ project }) =>
    command("updateProject", `projectId: "${project}", name: "Other"`),
  ),
  "Mutation.archiveProject": row("PROJECT_ADMIN", ({ project }) =>
    command("archiveProject", `projectId: "${project}"`),
  ),
  "Mutation.unarchiveProject": row("PROJECT_ADMIN", ({ project }) =>
    command("unarchiveProject", `projectId: "${project}"`),
  ),
  "Mutation.setProjectMember": row("PROJECT_ADMIN", ({ project }) =>
    command("setProjectMember", `projectId: "${project}", account: { username: "none" }, role: PROJECT_USER`),
  ),
  "Mutation.removeProjectMember": row("PROJECT_ADMIN", ({ project, serviceAccount }) =>
    command("removeProjectMember", `projectId: "${project}", account: { id: "${serviceAccount}" }`),
  ),
  "Mutation.createUser": row("SYSTEM_ADMIN", () => command("createUser", `username: "new", name: "New"`)),
  "Mutation.disableAccount": row("SYSTEM_ADMIN", ({ serviceAccount }) =>
    command("disableAccount", `account: { id: "${serviceAccount}" }`),
  ),
  "Mutation.enableAccount": row("SYSTEM_ADMIN", ({ serviceAccount }) =>
    command("enableAccount", `account: { id: "${serviceAccount}" }`),
  ),
  "Mutation.createServiceAccount": row("PROJECT_ADMIN", ({ project }) =>
    command("createServiceAccount", `projectId: "${project}", username: "new-bot", role: PROJECT_USER`),
  ),
  "Mutation.createToken": row(
    "USER_OR_SERVICE",
    ({ project, serviceAccount }) =>
      deed("createToken", `projectId: "${project}", accountId: "${serviceAccount}", description: "d"`),
    { role: "PROJECT_ADMIN" },
  ),
  "Mutation.createRunnerToken": row("PROJECT_ADMIN", ({ project }) =>
    deed("createRunnerToken", `projectId: "${project}", description: "d"`),
  ),
  "Mutation.revokeToken": row(
    "USER_OR_SERVICE",
    ({ token }) => command("revokeToken", `tokenId: "${token}"`),
    {
      role: "PROJECT_ADMIN",
    },
  ),
  "Mutation.deployWorkflow": row("PROJECT_ADMIN", ({ project, workflowName }) =>
    command("deployWorkflow", `projectId: "${project}", source: ${JSON.stringify(FLOW(workflowName))}`),
  ),
  "Mutation.renameWorkflow": row("PROJECT_ADMIN", ({ workflow }) =>
    command("renameWorkflow", `workflowId: "${workflow}", name: "other"`),
  ),
  "Mutation.archiveWorkflow": row("PROJECT_ADMIN", ({ workflow }) =>
    command("archiveWorkflow", `workflowId: "${workflow}"`),
  ),
  "Mutation.unarchiveWorkflow": row("PROJECT_ADMIN", ({ workflow }) =>
    command("unarchiveWorkflow", `workflowId: "${workflow}"`),
  ),
  "Mutation.setSecret": row("PROJECT_ADMIN", ({ project }) =>
    command("setSecret", `owner: { projectId: "${project}" }, name: "NAME", value: "some value"`),
  ),
  "Mutation.deleteSecret": row("PROJECT_ADMIN", ({ workflow }) =>
    command("deleteSecret", `owner: { workflowId: "${workflow}" }, name: "NAME"`),
  ),
  "Mutation.createSchedule": row("PROJECT_ADMIN", ({ workflow }) =>
    command("createSchedule", `workflowId: "${workflow}", name: "other", cron: "* * * * *"`),
  ),
  "Mutation.updateSchedule": row("PROJECT_ADMIN", ({ schedule }) =>
    command("updateSchedule", `scheduleId: "${schedule}", enabled: false`),
  ),
  "Mutation.deleteSchedule": row("PROJECT_ADMIN", ({ schedule }) =>
    command("deleteSchedule", `scheduleId: "${schedule}"`),
  ),
  "Mutation.createWebhook": row("PROJECT_ADMIN", ({ workflow }) =>
    command("createWebhook", `workflowId: "${workflow}", name: "other"`),
  ),
  "Mutation.updateWebhook": row("PROJECT_ADMIN", ({ webhook }) =>
    command("updateWebhook", `webhookId: "${webhook}", enabled: false`),
  ),
  "Mutation.rotateWebhookSecret": row("PROJECT_ADMIN", ({ webhook }) =>
    command("rotateWebhookSecret", `webhookId: "${webhook}"`),
  ),
  "Mutation.deleteWebhook": row("PROJECT_ADMIN", ({ webhook }) =>
    command("deleteWebhook", `webhookId: "${webhook}"`),
  ),
};
