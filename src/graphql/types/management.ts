import { Field, InputType, ObjectType } from "type-graphql";
import type { ProjectRole } from "../../domain/access.ts";
import { CommandInput, RevisedCommandInput } from "../command-input.ts";
import { ProjectRoleEnum } from "../enums.ts";
import { DateTime, ID } from "../scalars.ts";
import { MutationPayload } from "../user-errors.ts";
import { Account, AccountRefInput, ApiToken, ProjectMember, ServiceAccount } from "./account.ts";
import { Project } from "./project.ts";

@InputType("CreateProjectInput", { description: "A new project." })
export class CreateProjectInput extends CommandInput {
  @Field(() => String, {
    description:
      "Unique short name: 1 to 63 lower-case letters, digits and dashes, not starting with a dash.",
  })
  slug!: string;

  @Field(() => String, { description: "Name to show, at most 200 characters." })
  name!: string;
}

@InputType("UpdateProjectInput", { description: "What a project is to be called." })
export class UpdateProjectInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The project, by id or slug." })
  projectId!: string;

  @Field(() => String, { nullable: true, description: "New name to show; null = as it is." })
  name?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "New unique short name; null = as it is. The old one is free at once.",
  })
  slug?: string | null;
}

@InputType("ArchiveProjectInput", { description: "Which project." })
export class ArchiveProjectInput extends RevisedCommandInput {
  @Field(() => ID, { description: "The project, by id or slug." })
  projectId!: string;
}

@ObjectType("ProjectPayload", {
  implements: MutationPayload,
  description: "What became of a command to a project.",
})
export class ProjectPayload extends MutationPayload {
  @Field(() => Project, {
    nullable: true,
    description: "The project; null also after the dry run of its creation.",
  })
  project!: Project | null;
}

@InputType("SetProjectMemberInput", { description: "Who gets which role where." })
export class SetProjectMemberInput extends CommandInput {
  @Field(() => ID, { description: "The project, by id or slug." })
  projectId!: string;

  @Field(() => AccountRefInput, { description: "A person or a service." })
  account!: AccountRefInput;

  @Field(() => ProjectRoleEnum, { description: "The role, instead of any that it has there." })
  role!: ProjectRole;
}

@InputType("RemoveProjectMemberInput", { description: "Who is to leave which project." })
export class RemoveProjectMemberInput extends CommandInput {
  @Field(() => ID, { description: "The project, by id or slug." })
  projectId!: string;

  @Field(() => AccountRefInput, { description: "The member." })
  account!: AccountRefInput;
}

@ObjectType("ProjectMemberPayload", {
  implements: MutationPayload,
  description: "What became of a command to a project's members.",
})
export class ProjectMemberPayload extends MutationPayload {
  @Field(() => ProjectMember, {
    nullable: true,
    description: "The member as it is now; null when it is none.",
  })
  member!: ProjectMember | null;

  @Field(() => Project, { nullable: true, description: "The project." })
  project!: Project | null;
}

@InputType("CreateUserInput", { description: "An account for a person." })
export class CreateUserInput extends CommandInput {
  @Field(() => String, {
    description: "Unique name: 1 to 100 letters, digits and `. _ @ + -`, starting with a letter or digit.",
  })
  username!: string;

  @Field(() => String, { description: "Name to show, at most 200 characters." })
  name!: string;

  @Field(() => String, { nullable: true, description: "Address of a picture, http or https." })
  avatarUrl?: string | null;

  @Field(() => Boolean, { defaultValue: false, description: "May do everything in every project." })
  systemAdmin!: boolean;
}

@InputType("AccountInput", { description: "Which account." })
export class AccountInput extends CommandInput {
  @Field(() => AccountRefInput, { description: "The account." })
  account!: AccountRefInput;
}

@ObjectType("AccountPayload", {
  implements: MutationPayload,
  description: "What became of a command to an account.",
})
export class AccountPayload extends MutationPayload {
  @Field(() => Account, {
    nullable: true,
    description: "The account; null also after the dry run of its creation.",
  })
  account!: Account | null;
}

@InputType("CreateServiceAccountInput", { description: "An account for a program, as member of a project." })
export class CreateServiceAccountInput extends CommandInput {
  @Field(() => ID, { description: "The project, by id or slug." })
  projectId!: string;

  @Field(() => String, {
    description: "Unique name in the whole installation, of the form of all usernames.",
  })
  username!: string;

  @Field(() => String, { nullable: true, description: "Name to show; default: the username." })
  name?: string | null;

  @Field(() => ProjectRoleEnum, { description: "What it may do in the project." })
  role!: ProjectRole;
}

@ObjectType("ServiceAccountPayload", {
  implements: MutationPayload,
  description: "What became of a command to a service account.",
})
export class ServiceAccountPayload extends MutationPayload {
  @Field(() => ServiceAccount, {
    nullable: true,
    description: "The service account; null also after the dry run of its creation.",
  })
  serviceAccount!: ServiceAccount | null;
}

/** Without idempotency key or dry run: a token is shown once and kept nowhere, so it cannot be answered again. */
@InputType("CreateTokenInput", { description: "What a new token is good for." })
export class CreateTokenInput {
  @Field(() => ID, {
    nullable: true,
    description:
      "Limits the token to this project, by id or slug; required for service accounts, and for who asks with a token that is limited itself.",
  })
  projectId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "Id of a service account of the project, for its administrators; default: one's own.",
  })
  accountId?: string | null;

  @Field(() => String, { description: "What it is for, at most 500 characters." })
  description!: string;

  @Field(() => DateTime, {
    nullable: true,
    description:
      "When it stops being valid; null = never, but for oneself never later than the token that asks.",
  })
  expiresAt?: Date | null;

  @Field(() => String, { nullable: true, description: "Handed back in the payload." })
  clientMutationId?: string | null;
}

@InputType("CreateRunnerTokenInput", { description: "What a new token for runners is good for." })
export class CreateRunnerTokenInput {
  @Field(() => ID, {
    nullable: true,
    description:
      "The project whose steps the runners execute, by id or slug; null = of all, for system administrators.",
  })
  projectId?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      "The runners' account, made if there is none; default: the project's slug with `-runner`, or `runner`.",
  })
  username?: string | null;

  @Field(() => String, { description: "What it is for, at most 500 characters." })
  description!: string;

  @Field(() => DateTime, { nullable: true, description: "When it stops being valid; null = never." })
  expiresAt?: Date | null;

  @Field(() => String, { nullable: true, description: "Handed back in the payload." })
  clientMutationId?: string | null;
}

@ObjectType("CreateTokenPayload", { implements: MutationPayload, description: "A new token." })
export class CreateTokenPayload extends MutationPayload {
  @Field(() => String, {
    nullable: true,
    description: "The token itself: shown this once and stored nowhere.",
  })
  token!: string | null;

  @Field(() => ApiToken, { nullable: true, description: "What is known of it from now on." })
  apiToken!: ApiToken | null;
}

@InputType("RevokeTokenInput", { description: "Which token is to end." })
export class RevokeTokenInput extends CommandInput {
  @Field(() => ID, { description: "Id of the token." })
  tokenId!: string;
}

@ObjectType("RevokeTokenPayload", { implements: MutationPayload, description: "What became of a token." })
export class RevokeTokenPayload extends MutationPayload {
  @Field(() => ApiToken, { nullable: true, description: "The token." })
  apiToken!: ApiToken | null;
}
