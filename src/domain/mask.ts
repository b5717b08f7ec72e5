import { maskForms } from "./mask-forms.ts";
import { PatternAutomaton } from "./pattern-automaton.ts";

export interface MaskOptions {
  /** A `*` for every byte, so that offsets stay what they were; else `***` for each masked stretch. */
  readonly preserveLength?: boolean;
}

/** From here up to, not including, there. */
interface Span {
  start: number;
  end: number;
}

const STAR = 0x2a;
const MASK = Uint8Array.of(STAR, STAR, STAR);
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Takes secrets out of a stream of bytes, in every form of `maskForms`. Every byte that belongs to an occurrence is
 * masked, also where occurrences overlap; how the stream is cut into chunks makes no difference. What may be the
 * beginning of an occurrence is held back until the next bytes tell, or the end.
 */
export class SecretMasker {
  readonly #patterns: PatternAutomaton | null;
  readonly #preserveLength: boolean;
  #state = 0;
  #held = NOTHING as Uint8Array;
  /** Occurrences in what is held back: in order, apart from each other. */
  #spans: Span[] = [];
  /** The last byte that was given out belongs to a masked stretch. */
  #masking = false;

  constructor(secrets: readonly string[] | SecretMasker, { preserveLength = false }: MaskOptions = {}) {
    if (secrets instanceof SecretMasker) {
      this.#patterns = secrets.#patterns;
      this.#preserveLength = secrets.#preserveLength;
      return;
    }
    const forms = new Set(secrets.flatMap((secret) => [...maskForms(secret)]));
    this.#patterns =
      forms.size === 0 ? null : new PatternAutomaton(Array.from(forms, (form) => encoder.encode(form)));
    this.#preserveLength = preserveLength;
  }

  /** Another stream, under the same secrets. */
  fork(): SecretMasker {
    return new SecretMasker(this);
  }

  /** @returns what is certain by now; the chunk is not kept */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#patterns === null) return chunk;
    const data = this.#held.length === 0 ? chunk : joined([this.#held, chunk]);
    this.#search(this.#patterns, data, this.#held.length);
    return this.#giveOut(data, data.length - this.#patterns.depth[this.#state]!);
  }

  /** The rest; the next chunk begins another stream. */
  end(): Uint8Array {
    const rest = this.#giveOut(this.#held, this.#held.length);
    this.#state = 0;
    this.#masking = false;
    return rest;
  }

  /** A whole text, apart from the stream. */
  maskText(text: string): string {
    if (this.#patterns === null) return text;
    const masker = this.fork();
    const parts = [masker.push(encoder.encode(text)), masker.end()];
    return decoder.decode(joined(parts));
  }

  #search(patterns: PatternAutomaton, data: Uint8Array, from: number): void {
    let state = this.#state;
    for (let at = from; at < data.length; at++) {
      state = patterns.next(state, data[at]!);
      const length = patterns.longest[state]!;
      if (length > 0) this.#cover(at + 1 - length, at + 1);
    }
    this.#state = state;
  }

  /** Occurrences come in the order of their ends; those that touch are one stretch. */
  #cover(start: number, end: number): void {
    let from = start;
    for (let last = this.#spans.at(-1); last !== undefined && last.end >= from; last = this.#spans.at(-1)) {
      from = Math.min(from, last.start);
      this.#spans.pop();
    }
    this.#spans.push({ start: from, end });
  }

  #giveOut(data: Uint8Array, end: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let at = 0;
    for (const span of this.#spans) {
      if (span.start >= end) break;
      const until = Math.min(span.end, end);
      parts.push(data.subarray(at, span.start));
      if (this.#preserveLength) parts.push(new Uint8Array(until - span.start).fill(STAR));
      else if (span.start > 0 || !this.#masking) parts.push(MASK);
      at = until;
    }
    parts.push(data.subarray(at, end));
    if (end > 0) this.#masking = at === end;
    this.#held = data.slice(end);
    this.#spans = this.#spans
      .filter((span) => span.end > end)
      .map((span) => ({ start: Math.max(0, span.start - end), end: span.end - end }));
    return joined(parts);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
