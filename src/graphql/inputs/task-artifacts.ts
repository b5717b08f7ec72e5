import { Field, InputType } from "type-graphql";
import { ID, Int } from "../scalars.ts";

@InputType("TaskArtifactsInput", { description: "The task whose workspace is to be filled." })
export class TaskArtifactsInput {
  @Field(() => ID, { description: "The runner's session, from `registerRunner`." })
  session!: string;

  @Field(() => ID, { description: "The step." })
  stepRunId!: string;

  @Field(() => Int, { description: "Number of the lease, as the task carried it." })
  fence!: number;

  @Field(() => String, { nullable: true, description: "`next` of the page before; null = from the start." })
  after?: string | null;
}
