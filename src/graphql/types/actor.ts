import { Field, ObjectType } from "type-graphql";
import type { AccountType } from "../../domain/access.ts";
import type { AccountRecord } from "../../persistence/queries/people.ts";
import { AccountTypeEnum } from "../enums.ts";

@ObjectType("Actor", { description: "Who did something: a person, a program, a runner, or Runcast itself." })
export class Actor {
  @Field(() => String, { description: "Name to show." })
  name!: string;

  @Field(() => String, { description: "Unique name." })
  username!: string;

  @Field(() => String, { nullable: true, description: "Address of a picture." })
  avatarUrl!: string | null;

  @Field(() => AccountTypeEnum, { description: "What kind of account it is." })
  type!: AccountType;

  static from(account: AccountRecord | null): Actor {
    return Object.assign(new Actor(), account ?? SYSTEM);
  }
}

const SYSTEM = { name: "Runcast", username: "system", avatarUrl: null, type: "SYSTEM" } as const;
