import { Field, InterfaceType } from "type-graphql";
import { ID, typeNameOf } from "../scalars.ts";

@InterfaceType("Node", {
  description:
    "An object with an id. Ids are opaque, start with the type's prefix and sort by creation time.",
  resolveType: typeNameOf,
})
export abstract class Node {
  @Field(() => ID, { description: "The object's id, unique in the whole installation." })
  id!: string;
}
