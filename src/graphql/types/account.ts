import { Field, InputType, ObjectType } from "type-graphql";
import type { AccountRef } from "../../actions/account-ref.ts";
import type { AccountType, ProjectRole } from "../../domain/access.ts";
import { encodeId } from "../../domain/ids.ts";
import type {
  ManagedAccount,
  MemberRecord,
  ServiceAccountRecord,
  TokenInfo,
} from "../../persistence/queries/accounts.ts";
import { connectionOf } from "../connection.ts";
import { AccountTypeEnum, ProjectRoleEnum } from "../enums.ts";
import { keyIn } from "../inputs/selectors.ts";
import { DateTime, ID } from "../scalars.ts";

@ObjectType("Account", { description: "An account as those see it who manage it." })
export class Account {
  @Field(() => ID, { description: "Its id." })
  id!: string;

  @Field(() => String, { description: "Unique name." })
  username!: string;

  @Field(() => String, { description: "Name to show." })
  name!: string;

  @Field(() => String, { nullable: true, description: "Address of a picture." })
  avatarUrl!: string | null;

  @Field(() => AccountTypeEnum, { description: "What kind of account it is." })
  type!: AccountType;

  @Field(() => Boolean, { description: "May do everything in every project." })
  systemAdmin!: boolean;

  @Field(() => DateTime, { description: "When it was created." })
  createdAt!: Date;

  @Field(() => DateTime, {
    nullable: true,
    description: "Since when its tokens are refused; null = they are not.",
  })
  disabledAt!: Date | null;

  static from(record: ManagedAccount): Account {
    return Object.assign(new Account(), record, { id: encodeId("Account", record.id) });
  }
}

export const AccountConnection = connectionOf("Account", () => Account);

@ObjectType("ProjectMember", { description: "An account that has a role in a project." })
export class ProjectMember {
  @Field(() => ID, { description: "Id of the account." })
  accountId!: string;

  @Field(() => ProjectRoleEnum, { description: "What it may do in the project." })
  role!: ProjectRole;

  record!: MemberRecord;

  static from(record: MemberRecord): ProjectMember {
    const accountId = encodeId("Account", record.accountId);
    return Object.assign(new ProjectMember(), { accountId, role: record.role, record });
  }
}

export const ProjectMemberConnection = connectionOf("ProjectMember", () => ProjectMember);

@ObjectType("ServiceAccount", { description: "The account of a program that has a role in a project." })
export class ServiceAccount {
  @Field(() => Account, { description: "The account." })
  account!: Account;

  @Field(() => ProjectRoleEnum, { description: "What it may do in the project." })
  role!: ProjectRole;

  key!: string;
  projectKey!: string;

  static from(record: ServiceAccountRecord, projectKey: string): ServiceAccount {
    const { id: key, role } = record;
    return Object.assign(new ServiceAccount(), { account: Account.from(record), role, key, projectKey });
  }
}

@ObjectType("ApiToken", { description: "What is known of a token. The token itself is shown only once." })
export class ApiToken {
  @Field(() => ID, { description: "Its id, for `revokeToken`; not the token." })
  id!: string;

  @Field(() => String, { description: "What it is for." })
  description!: string;

  @Field(() => DateTime, { description: "When it was made." })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When it stops being valid; null = never." })
  expiresAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it was revoked; null = it was not." })
  revokedAt!: Date | null;

  record!: TokenInfo;

  static from(record: TokenInfo): ApiToken {
    const { description, createdAt, expiresAt, revokedAt } = record;
    const id = encodeId("ApiToken", record.id);
    return Object.assign(new ApiToken(), { id, description, createdAt, expiresAt, revokedAt, record });
  }
}

export const ApiTokenConnection = connectionOf("ApiToken", () => ApiToken);

@InputType("AccountRef", { description: "An account, by exactly one of its names." })
export class AccountRefInput {
  @Field(() => ID, { nullable: true, description: "Its id." })
  id?: string | null;

  @Field(() => String, { nullable: true, description: "Its username." })
  username?: string | null;
}

export function readAccountRef({ id, username }: AccountRefInput): AccountRef {
  if (id == null) return { username: username! };
  return { id: keyIn("Account", id, "input.account") };
}
