import { Field, ObjectType } from "type-graphql";
import { encodeId } from "../../domain/ids.ts";
import type { AuditEntryRecord } from "../../persistence/queries/audit-log.ts";
import { connectionOf } from "../connection.ts";
import { DateTime, Json } from "../scalars.ts";
import { Node } from "./node.ts";

@ObjectType("AuditEntry", {
  implements: Node,
  description: "A command that somebody gave and that was carried out.",
})
export class AuditEntry extends Node {
  @Field(() => String, { description: "Name of the mutation." })
  action!: string;

  @Field(() => String, { description: "Id of the object that it was given to." })
  target!: string;

  @Field(() => Json, { description: "What was asked for: an object." })
  details!: Readonly<Record<string, unknown>>;

  @Field(() => DateTime, { description: "When." })
  at!: Date;

  record!: AuditEntryRecord;

  static from(record: AuditEntryRecord): AuditEntry {
    const { action, target, details, at } = record;
    const id = encodeId("AuditEntry", record.id);
    return Object.assign(new AuditEntry(), { id, action, target, details, at, record });
  }
}

export const AuditEntryConnection = connectionOf("AuditEntry", () => AuditEntry);
