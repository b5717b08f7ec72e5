import { Field, InputType, ObjectType } from "type-graphql";
import { RevisedCommandInput } from "../command-input.ts";
import { ID, Int } from "../scalars.ts";
import { MutationPayload } from "../user-errors.ts";
import { Workflow, WorkflowVersion } from "./workflow.ts";

@InputType("DeployWorkflowInput", {
  description:
    "A workflow file to deploy. A dry run tells the file's faults, or the number that its version would have; `expectedRevision: 0` means that the workflow must not exist yet.",
})
export class DeployWorkflowInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The project, by id or slug." })
  projectId!: string;

  @Field(() => String, {
    description: "The workflow file, YAML or JSON; the name in it says which workflow it is.",
  })
  source!: string;

  @Field(() => ID, {
    nullable: true,
    description: "The workflow that it must be: the file has to be of its name, and no other is made.",
  })
  workflowId?: string | null;
}

@ObjectType("DeployWorkflowPayload", {
  implements: MutationPayload,
  description: "What became of a deployment.",
})
export class DeployWorkflowPayload extends MutationPayload {
  @Field(() => Workflow, {
    nullable: true,
    description: "The workflow; null also after a dry run that would make it.",
  })
  workflow!: Workflow | null;

  @Field(() => WorkflowVersion, {
    nullable: true,
    description: "The version that has this source; null also after a dry run that would make it.",
  })
  workflowVersion!: WorkflowVersion | null;

  @Field(() => Int, {
    nullable: true,
    description: "The number of that version, also when a dry run only would make it.",
  })
  version!: number | null;

  @Field(() => Boolean, {
    nullable: true,
    description: "False when the newest version already had this very source.",
  })
  created!: boolean | null;
}

@InputType("RenameWorkflowInput", { description: "Which workflow, and its new name." })
export class RenameWorkflowInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The workflow." })
  workflowId!: string;

  @Field(() => String, {
    description:
      "The new name, unique in the project. A file that is deployed later has to be of this name: deploying one of the old name makes a new workflow.",
  })
  name!: string;
}

@InputType("ArchiveWorkflowInput", { description: "Which workflow." })
export class ArchiveWorkflowInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The workflow." })
  workflowId!: string;
}

@ObjectType("WorkflowPayload", {
  implements: MutationPayload,
  description: "What became of a command to a workflow.",
})
export class WorkflowPayload extends MutationPayload {
  @Field(() => Workflow, { nullable: true, description: "The workflow." })
  workflow!: Workflow | null;
}
