import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Finding, Path } from "./faults.ts";

/** One value of the file with its place. */
export interface SourceNode {
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
  /** A plain number or boolean as its author wrote it: "1.10" is the value 1.1. */
  readonly written: string | null;
  readonly entries: ReadonlyMap<string, SourceEntry> | null;
  readonly items: readonly SourceNode[] | null;
  /** The value stands elsewhere; everything inside has the place of the alias. */
  readonly aliased: boolean;
}

export interface SourceEntry {
  readonly keyStart: number;
  readonly node: SourceNode;
}

/** Aliases count with all that they stand for: ten lines of them can mean a billion values. */
const MAX_VALUES = 1_000_000;

const REFUSED_KEYS: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  "<<": "merge keys (<<) are not supported; use an alias for the whole value",
  // In an ordinary object this name would be the prototype.
  ["__proto__"]: 'the key "__proto__" is not allowed',
});

/** Turns parsed YAML into plain values that know where they stand. What JSON cannot hold is a finding. */
export function buildSourceTree(root: ParsedNode): { root: SourceNode; findings: Finding[] } {
  const builder = new TreeBuilder();
  return { root: builder.node(root, []), findings: builder.findings };
}

class TreeBuilder {
  readonly findings: Finding[] = [];
  private readonly anchors = new Map<string, { node: SourceNode; size: number }>();
  private size = 0;
  private isFull = false;

  node(node: ParsedNode, path: Path): SourceNode {
    this.size++;
    if (isAlias(node)) return this.alias(node, path);
    const before = this.size;
    const built = this.plain(node, path);
    // Only a complete value can be referred to: an alias inside its own anchor finds nothing.
    if (node.anchor) this.anchors.set(node.anchor, { node: built, size: this.size - before + 1 });
    return built;
  }

  private plain(node: Exclude<ParsedNode, Alias.Parsed>, path: Path): SourceNode {
    if (isMap(node)) return this.map(node, path);
    return isSeq(node) ? this.list(node, path) : this.scalar(node, path);
  }

  private alias(alias: Alias.Parsed, path: Path): SourceNode {
    const [start, end] = alias.range;
    const target = this.anchors.get(alias.source);
    if (target === undefined) {
      this.fault(`no anchor &${alias.source} stands before this alias`, path, start);
      return leaf(null, start, end);
    }
    this.size += target.size;
    if (this.size > MAX_VALUES) {
      if (!this.isFull) this.fault("the aliases of the file stand for too many values", path, start);
      this.isFull = true;
      return leaf(null, start, end);
    }
    return { ...target.node, start, end, aliased: true };
  }

  private scalar(scalar: Scalar.Parsed, path: Path): SourceNode {
    const [start, end] = scalar.range;
    const { value } = scalar;
    if (value === null) return leaf(null, start, end);
    if (typeof value === "string") {
      this.checkText(value, path, start);
      return leaf(value, start, end);
    }
    if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) {
      return leaf(value, start, end, scalar.source ?? String(value));
    }
    this.fault(
      `${scalar.source} is not a value that JSON can hold; put it in quotes if it is text`,
      path,
      start,
    );
    return leaf(null, start, end);
  }

  private list(list: YAMLSeq.Parsed, path: Path): SourceNode {
    const items = list.items.map((item, index) => this.node(item as ParsedNode, [...path, index]));
    const [start, end] = list.range;
    return {
      ...leaf(
        items.map(({ value }) => value),
        start,
        end,
      ),
      items,
    };
  }

  private map(map: YAMLMap.Parsed, path: Path): SourceNode {
    const [start, end] = map.range;
    const entries = new Map<string, SourceEntry>();
    for (const { key, value } of map.items) {
      const [keyStart, keyEnd] = key.range;
      const name = this.keyName(key, path);
      if (name === null) continue;
      const at = [...path, name];
      const node = value ? this.node(value, at) : leaf(null, keyStart, keyEnd);
      if (entries.has(name)) this.fault(`key "${name}" stands twice in this map`, at, keyStart);
      else entries.set(name, { keyStart, node });
    }
    const value = Object.fromEntries(Array.from(entries, ([name, entry]) => [name, entry.node.value]));
    return { ...leaf(value, start, end), entries };
  }

  private keyName(key: ParsedNode, path: Path): string | null {
    const name = isScalar(key) && key.value !== null ? (key.source ?? String(key.value)) : null;
    const refusal = name === null ? "a key must be plain text" : REFUSED_KEYS[name];
    if (refusal !== undefined) this.fault(refusal, path, key.range[0]);
    if (name === null || refusal !== undefined) return null;
    this.checkText(name, path, key.range[0]);
    return name;
  }

  /** PostgreSQL stores neither, and a process takes no NUL in its environment. */
  private checkText(text: string, path: Path, offset: number): void {
    if (text.includes("\0")) this.fault("text cannot hold a NUL character", path, offset);
    if (/\p{Surrogate}/u.test(text)) this.fault("text cannot hold half of a surrogate pair", path, offset);
  }

  private fault(message: string, path: Path, offset: number): void {
    this.findings.push({ message, path, offset });
  }
}

function leaf(value: unknown, start: number, end: number, written: string | null = null): SourceNode {
  return { value, start, end, written, entries: null, items: null, aliased: false };
}
