import { z } from "zod";
import { MAX_INPUTS } from "./limits.ts";
import { duration, list, mapOf, plainValue, title, variableName } from "./model-parts.ts";
import { commonKeys, failureKeys, patience, typeKey } from "./step-parts.ts";

/** Steps that need no runner: they wait for time, people, other systems or other runs. */

export const delayStep = z.strictObject({
  type: typeKey("delay"),
  ...commonKeys,
  duration: duration({ atLeastMs: 0 }).meta({
    description: "How long the step waits. It needs no runner.",
    examples: ["30s"],
  }),
});

export const approvalStep = z
  .strictObject({
    type: typeKey("approval"),
    ...commonKeys,
    prompt: z
      .string()
      .min(1)
      .max(2_000)
      .optional()
      .meta({ description: "What the approvers are asked.", examples: ["Release to everybody?"] }),
    quorum: z
      .int()
      .min(1)
      .max(100)
      .default(1)
      .meta({ description: "How many must approve. One rejection fails the step.", examples: [2] }),
    approvers: list(z.string().min(1).max(200), { min: 1, max: 100 })
      .optional()
      .meta({
        description:
          "Usernames of those who may decide. Without it, everybody whose role in the project allows to act on runs.",
        examples: [["ada", "grace"]],
      }),
    selfApproval: z
      .boolean()
      .default(true)
      .meta({ description: "Whether those who started the run may approve it as well.", examples: [false] }),
    ...failureKeys,
    timeout: patience(
      "A step that is not decided by then ends as timed out; by default it waits as long as the run lasts.",
    ),
  })
  .superRefine(checkApprovers);

function checkApprovers(
  { quorum, approvers }: { readonly quorum: number; readonly approvers?: readonly string[] | undefined },
  context: z.RefinementCtx,
): void {
  const fault = (path: (string | number)[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  if (approvers === undefined) return;
  approvers.forEach((name, index) => {
    if (approvers.indexOf(name) < index) fault(["approvers", index], `"${name}" is named twice`);
  });
  const people = new Set(approvers).size;
  if (quorum > people) {
    const named = people === 1 ? "1 approver is named" : `${people} approvers are named`;
    fault(["quorum"], `a quorum of ${quorum} can never be reached: ${named}`);
  }
}

export const externalStep = z.strictObject({
  type: typeKey("external"),
  ...commonKeys,
  ...failureKeys,
  timeout: patience(
    "A step that no other system has completed (`completeStepRun`) by then ends as timed out; by default it waits as long as the run lasts.",
  ),
});

export const workflowStep = z.strictObject({
  type: typeKey("workflow"),
  ...commonKeys,
  workflow: title.meta({
    description:
      "Name of a workflow of the same project. The step starts a run of its latest version, waits for it, and ends like it; the outputs of that run are the step's.",
    examples: ["publish"],
  }),
  inputs: mapOf(variableName, plainValue, MAX_INPUTS)
    .default({})
    .meta({
      description: "Inputs of that run. `${{ }}` is allowed in the values.",
      examples: [{ version: "${{ steps.compile.outputs.version }}" }],
    }),
  ...failureKeys,
});
