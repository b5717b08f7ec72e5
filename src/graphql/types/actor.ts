import { Field, ObjectType } from "type-graphql";
import type { AccountType } from "../../domain/access.ts";
import { encodeId } from "../../domain/ids.ts";
import type { AccountRecord } from "../../persistence/queries/people.ts";
import { AccountTypeEnum } from "../enums.ts";
import { ID } from "../scalars.ts";

@ObjectType("Actor", { description: "Who did something: a person, a program, a runner, or Runcast itself." })
export class Actor {
  @Field(() => ID, { nullable: true, description: "Its account's id; null for Runcast itself." })
  id!: string | null;

  @Field(() => String, { description: "Name to show." })
  name!: string;

  @Field(() => String, { description: "Unique name." })
  username!: string;

  @Field(() => String, { nullable: true, description: "Address of a picture." })
  avatarUrl!: string | null;

  @Field(() => AccountTypeEnum, { description: "What kind of account it is." })
  type!: AccountType;

  static from(account: AccountRecord | null): Actor {
    const id = account === null ? null : encodeId("Account", account.id);
    return Object.assign(new Actor(), account ?? SYSTEM, { id });
  }
}

const SYSTEM = { name: "Runcast", username: "system", avatarUrl: null, type: "SYSTEM" } as const;
