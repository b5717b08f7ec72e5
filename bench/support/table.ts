export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number | null;
  /** Decimals of a number; default 0. */
  readonly digits?: number;
}

/** Plain text with aligned columns. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map((column) => formatCell(column, row))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  const align = (cell: string, i: number): string =>
    i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!);
  return cells.map((line) => line.map(align).join("  ")).join("\n");
}

function formatCell<Row>({ value, digits = 0 }: Column<Row>, row: Row): string {
  const cell = value(row);
  if (cell === null) return "-";
  if (typeof cell === "string") return cell;
  return cell.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
