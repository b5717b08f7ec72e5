/** With a name, PostgreSQL parses and plans it once per connection; without, it may differ from call to call. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

/** What a store needs to run statements: a transaction, or the database itself for a single statement. */
export interface Queryable {
  query<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}
