/** The values of a statement that is put together from parts; `add` writes the `$n` that stands for one. */
export class Values {
  readonly list: unknown[] = [];

  add(value: unknown): string {
    this.list.push(value);
    return `$${this.list.length}`;
  }
}

/** The conditions that are there, all of which must hold. */
export function allOf(conditions: readonly (string | null)[]): string {
  const given = conditions.filter((condition) => condition !== null);
  return given.length === 0 ? "true" : given.join(" and ");
}

/** A condition on a value that may not be asked for: null asks for nothing. */
export function when<Value>(
  value: Value | null | undefined,
  condition: (value: Value) => string,
): string | null {
  return value === null || value === undefined ? null : condition(value);
}

/** One of these. A list of one is compared as one: only then an index gives its rows in the order of a page. */
export function oneOf(column: string, type: string, list: readonly unknown[], values: Values): string {
  if (list.length === 1) return `${column} = ${values.add(list[0])}::${type}`;
  return `${column} = any (${values.add(list)}::${type}[])`;
}

/** A span of time; a bound that is null is open. */
export interface Span {
  readonly gte: Date | null;
  readonly lt: Date | null;
}

export function within(column: string, span: Span | null | undefined, values: Values): string | null {
  return when(span, ({ gte, lt }) =>
    allOf([
      when(gte, (from) => `${column} >= ${values.add(from)}::timestamptz`),
      when(lt, (before) => `${column} < ${values.add(before)}::timestamptz`),
    ]),
  );
}

/** What a LIKE pattern takes literally. */
export function likeText(text: string): string {
  return text.replaceAll(/[\\%_]/g, "\\$&");
}
