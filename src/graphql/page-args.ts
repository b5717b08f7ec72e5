import { ArgsType, Field } from "type-graphql";
import { MAX_OFFSET, MAX_PAGE, type PageArgs } from "./connection.ts";
import { Int } from "./scalars.ts";

@ArgsType()
export class ForwardArgs {
  @Field(() => Int, {
    nullable: true,
    description: `How many from the start, or after \`after\`: 0 to ${MAX_PAGE}. Default 20.`,
  })
  first?: number | null;

  @Field(() => String, { nullable: true, description: "Cursor of the edge before the page." })
  after?: string | null;
}

@ArgsType()
export class PagingArgs extends ForwardArgs implements PageArgs {
  @Field(() => Int, {
    nullable: true,
    description: `How many from the end, or before \`before\`: 0 to ${MAX_PAGE}. Not with \`first\`.`,
  })
  last?: number | null;

  @Field(() => String, { nullable: true, description: "Cursor of the edge behind the page." })
  before?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: `Rows to skip from the start of the list, for clients that number their pages: 0 to ${MAX_OFFSET}. Cursors are cheaper.`,
  })
  offset?: number | null;
}
