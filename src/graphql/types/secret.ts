import { Field, ID, InputType, ObjectType } from "type-graphql";
import type { SecretRecord } from "../../persistence/queries/secrets.ts";
import { RevisedCommandInput } from "../command-input.ts";
import { connectionOf } from "../connection.ts";
import { DateTime, Int } from "../scalars.ts";
import { MutationPayload } from "../user-errors.ts";

@ObjectType("Secret", {
  description:
    "A value that steps can use, as `${{ secrets.NAME }}`, and nobody can read: it is kept encrypted, and masked in what its steps write.",
})
export class Secret {
  @Field(() => String, { description: "Its name, unique in its project or workflow." })
  name!: string;

  @Field(() => Int, { description: "Grows with every value that it is given, from 1." })
  revision!: number;

  @Field(() => DateTime, { description: "When it got its first value." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it got its value." })
  updatedAt!: Date;

  record!: SecretRecord;

  static from(record: SecretRecord): Secret {
    return Object.assign(new Secret(), record, { record });
  }
}

export const SecretConnection = connectionOf("Secret", () => Secret);

@InputType("SecretOwner", { description: "Whose secret: exactly one of the two." })
export class SecretOwnerInput {
  @Field(() => ID, {
    nullable: true,
    description: "That of a project, by id or slug, for all its workflows.",
  })
  projectId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "That of one workflow. There it counts instead of one of its project with the same name.",
  })
  workflowId?: string | null;
}

@InputType("SetSecretInput", { description: "Which secret gets which value." })
export class SetSecretInput extends RevisedCommandInput {
  @Field(() => SecretOwnerInput, { description: "Whose secret it is." })
  owner!: SecretOwnerInput;

  @Field(() => String, {
    description: "Its name: 1 to 100 capital letters, digits and underscores, not starting with a digit.",
  })
  name!: string;

  @Field(() => String, {
    description:
      "Its value, instead of any that it has: 8 characters, beside spaces around them, to 64 KiB. What is shorter could not be masked in logs.",
  })
  value!: string;
}

@InputType("DeleteSecretInput", { description: "Which secret is to go." })
export class DeleteSecretInput extends RevisedCommandInput {
  @Field(() => SecretOwnerInput, { description: "Whose secret it is." })
  owner!: SecretOwnerInput;

  @Field(() => String, { description: "Its name." })
  name!: string;
}

@ObjectType("SetSecretPayload", {
  implements: MutationPayload,
  description: "What became of a new value of a secret.",
})
export class SetSecretPayload extends MutationPayload {
  @Field(() => Secret, {
    nullable: true,
    description: "The secret as it is now; null after the dry run of its first value.",
  })
  secret!: Secret | null;
}

@ObjectType("DeleteSecretPayload", {
  implements: MutationPayload,
  description: "What became of the removal of a secret.",
})
export class DeleteSecretPayload extends MutationPayload {
  @Field(() => String, { nullable: true, description: "Name of the secret that is gone." })
  name!: string | null;
}
