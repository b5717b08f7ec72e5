import { Arg, Ctx, Mutation, Resolver } from "type-graphql";
import { type AccountRef, referredAccount } from "../../actions/account-ref.ts";
import { archiveProject, unarchiveProject } from "../../actions/archive-project.ts";
import { createProject } from "../../actions/create-project.ts";
import { removeProjectMember, setProjectMember } from "../../actions/project-members.ts";
import { updateProject } from "../../actions/update-project.ts";
import { findMember } from "../../persistence/queries/accounts.ts";
import type { ProjectRecord } from "../../persistence/queries/people.ts";
import { commandOptions } from "../command-input.ts";
import type { RequestContext } from "../context.ts";
import { projectIn } from "../scope.ts";
import { ProjectMember, readAccountRef } from "../types/account.ts";
import {
  ArchiveProjectInput,
  CreateProjectInput,
  ProjectMemberPayload,
  ProjectPayload,
  RemoveProjectMemberInput,
  SetProjectMemberInput,
  UpdateProjectInput,
} from "../types/management.ts";
import { Project } from "../types/project.ts";
import { carryOut } from "../user-errors.ts";

@Resolver()
export class ManagementProjects {
  @Mutation(() => ProjectPayload, {
    nullable: true,
    description: "Makes a project. For system administrators. Refusals: ValidationFailed.",
  })
  async createProject(
    @Arg("input", () => CreateProjectInput, { description: "The project." }) input: CreateProjectInput,
    @Ctx() context: RequestContext,
  ): Promise<ProjectPayload> {
    return await carryOut(
      ProjectPayload,
      input.clientMutationId,
      async () => {
        const { engine, viewer } = context;
        const id = await createProject(engine, viewer, input, commandOptions(input));
        return { project: await readProject(context, id) };
      },
      { project: null },
    );
  }

  @Mutation(() => ProjectPayload, {
    nullable: true,
    description: "Renames a project. Refusals: NotFound, ValidationFailed, RevisionConflict.",
  })
  async updateProject(
    @Arg("input", () => UpdateProjectInput, { description: "Which project, and its names." })
    input: UpdateProjectInput,
    @Ctx() context: RequestContext,
  ): Promise<ProjectPayload> {
    return await changed(input, context, async ({ id: projectId }) => {
      const { name = null, slug = null } = input;
      const { engine, viewer } = context;
      await updateProject(engine, viewer, { projectId, name, slug }, commandOptions(input));
    });
  }

  @Mutation(() => ProjectPayload, {
    nullable: true,
    description:
      "Archives a project: nothing is triggered or deployed in it any more; what runs, runs on. Refusals: NotFound, RevisionConflict.",
  })
  async archiveProject(
    @Arg("input", () => ArchiveProjectInput, { description: "Which project." }) input: ArchiveProjectInput,
    @Ctx() context: RequestContext,
  ): Promise<ProjectPayload> {
    return await changed(input, context, async ({ id }) => {
      await archiveProject(context.engine, context.viewer, id, commandOptions(input));
    });
  }

  @Mutation(() => ProjectPayload, {
    nullable: true,
    description: "Takes a project out of the archive. Refusals: NotFound, RevisionConflict.",
  })
  async unarchiveProject(
    @Arg("input", () => ArchiveProjectInput, { description: "Which project." }) input: ArchiveProjectInput,
    @Ctx() context: RequestContext,
  ): Promise<ProjectPayload> {
    return await changed(input, context, async ({ id }) => {
      await unarchiveProject(context.engine, context.viewer, id, commandOptions(input));
    });
  }

  @Mutation(() => ProjectMemberPayload, {
    nullable: true,
    description:
      "Gives an account a role in a project. The project's last PROJECT_ADMIN keeps that role. Refusals: NotFound, InvalidState, ValidationFailed.",
  })
  async setProjectMember(
    @Arg("input", () => SetProjectMemberInput, { description: "Who, where, which role." })
    input: SetProjectMemberInput,
    @Ctx() context: RequestContext,
  ): Promise<ProjectMemberPayload> {
    return await changedMember(input, context, async (projectId, account) => {
      const { engine, viewer } = context;
      const wish = { projectId, account, role: input.role };
      await setProjectMember(engine, viewer, wish, commandOptions(input));
    });
  }

  @Mutation(() => ProjectMemberPayload, {
    nullable: true,
    description:
      "Removes a member from a project. Its last PROJECT_ADMIN stays. Refusals: NotFound, InvalidState.",
  })
  async removeProjectMember(
    @Arg("input", () => RemoveProjectMemberInput, { description: "Who, and where." })
    input: RemoveProjectMemberInput,
    @Ctx() context: RequestContext,
  ): Promise<ProjectMemberPayload> {
    return await changedMember(input, context, async (projectId, account) => {
      const { engine, viewer } = context;
      await removeProjectMember(engine, viewer, { projectId, account }, commandOptions(input));
    });
  }
}

interface ProjectCommandInput {
  readonly projectId: string;
  readonly clientMutationId?: string | null;
}

/** A command to the project that the input names. @returns the project as the command left it */
async function changed(
  input: ProjectCommandInput,
  context: RequestContext,
  change: (project: ProjectRecord) => Promise<void>,
): Promise<ProjectPayload> {
  return await carryOut(
    ProjectPayload,
    input.clientMutationId,
    async () => {
      const project = await projectIn(context, input.projectId);
      await change(project);
      return { project: await readProject(context, project.id) };
    },
    { project: null },
  );
}

async function changedMember(
  input: SetProjectMemberInput | RemoveProjectMemberInput,
  context: RequestContext,
  change: (projectId: string, account: AccountRef) => Promise<void>,
): Promise<ProjectMemberPayload> {
  return await carryOut(
    ProjectMemberPayload,
    input.clientMutationId,
    async () => {
      const project = await projectIn(context, input.projectId);
      const ref = readAccountRef(input.account);
      await change(project.id, ref);
      const { id } = await referredAccount(context.engine.database, ref);
      const member = await findMember(context.engine.database, project.id, id);
      return {
        member: member === null ? null : ProjectMember.from(member),
        project: Project.from(project),
      };
    },
    { member: null, project: null },
  );
}

/** Past the loader, which may have read it before the command. */
async function readProject({ loaders }: RequestContext, id: string): Promise<Project | null> {
  const record = await loaders.project.clear(id).load(id);
  return record === null ? null : Project.from(record);
}
