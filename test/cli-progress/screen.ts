const ESCAPE = "\\u001b";
const TOKEN = new RegExp(`${ESCAPE}\\[[?\\d;]*[A-Za-z]|[^]`, "gu");
const UP = new RegExp(`^${ESCAPE}\\[\\d+A$`);
const COLOR = new RegExp(`^${ESCAPE}\\[[\\d;]*m$`);

/**
 * What a person would see: interprets the few sequences the view uses and fails on any other, so that a test
 * notices when foreign text gets one through.
 */
export class Screen {
  readonly columns: number;
  readonly #cells: string[][] = [[]];
  #row = 0;
  #column = 0;
  #wrap = true;

  constructor(columns: number) {
    this.columns = columns;
  }

  get lines(): string[] {
    return this.#cells.map((row) =>
      Array.from(row, (cell) => cell ?? " ")
        .join("")
        .trimEnd(),
    );
  }

  write(text: string): void {
    for (const [token] of text.matchAll(TOKEN)) this.#interpret(token);
  }

  #interpret(token: string): void {
    if (token === "\n") this.#down();
    else if (token === "\r") this.#column = 0;
    else if (token === "\u001b[?7l") this.#wrap = false;
    else if (token === "\u001b[?7h") this.#wrap = true;
    else if (token === "\u001b[0J") this.#eraseBelow();
    else if (UP.test(token)) this.#up(Number.parseInt(token.slice(2), 10));
    else if (COLOR.test(token)) return;
    else if (/^[^\p{Cc}]$/u.test(token)) this.#put(token);
    else throw new Error(`unexpected ${JSON.stringify(token)}`);
  }

  /** As terminals do after "\n" on output: to the start of the next row. */
  #down(): void {
    this.#row++;
    this.#column = 0;
    this.#cells[this.#row] ??= [];
  }

  #up(rows: number): void {
    if (rows > this.#row) throw new Error("moved above the first line");
    this.#row -= rows;
  }

  #eraseBelow(): void {
    this.#cells[this.#row]!.length = this.#column;
    this.#cells.length = this.#row + 1;
  }

  #put(character: string): void {
    const width = /\p{Script=Han}/u.test(character) ? 2 : 1;
    if (this.#column + width > this.columns) {
      if (!this.#wrap) return;
      this.#down();
    }
    this.#cells[this.#row]![this.#column] = character;
    // The second cell of a wide character holds nothing of its own.
    if (width === 2) this.#cells[this.#row]![this.#column + 1] = "";
    this.#column += width;
  }
}
