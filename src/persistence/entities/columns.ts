import { type ColumnOptions, type ColumnType, JoinColumn, ManyToOne } from "typeorm";

/** Shorthands for the column kinds that repeat, so that an entity reads like its table. */
function column<Type extends ColumnType>(type: Type) {
  function named(name: string): { name: string; type: Type };
  function named<More extends ColumnOptions>(name: string, more: More): { name: string; type: Type } & More;
  function named(name: string, more: ColumnOptions = {}) {
    return { name, type, ...more };
  }
  return named;
}
export const uuid = column("uuid");
export const text = column("text");
export const integer = column("integer");
export const bool = column("boolean");
export const json = column("jsonb");
export const time = column("timestamptz");

export function oneOf(
  name: string,
  enumName: string,
  values: readonly string[],
  more: ColumnOptions = {},
): ColumnOptions {
  return { name, type: "enum", enum: [...values], enumName, ...more };
}

/** The transaction that wrote the row. TypeORM does not list the type, PostgreSQL has it since version 13. */
export const XID8 = "xid8" as ColumnType;
export const transactionId = {
  name: "xid",
  type: XID8,
  default: () => "pg_current_xact_id()",
} satisfies ColumnOptions;

/** A foreign key under the name that PostgreSQL gives it, so that the drift check finds it unchanged. */
export function references(
  target: () => new () => object,
  table: string,
  column: string,
  onDelete?: "CASCADE",
): PropertyDecorator {
  return (entity, property) => {
    ManyToOne(target, { ...(onDelete && { onDelete }), nullable: true })(entity, property as string);
    JoinColumn({ name: column, foreignKeyConstraintName: `${table}_${column}_fkey` })(
      entity,
      property as string,
    );
  };
}
