import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SecretMasker } from "../../src/domain/mask.ts";
import { maskForms } from "../../src/domain/mask-forms.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString("utf8");
const mask = (text: string, ...secrets: string[]) => new SecretMasker(secrets).maskText(text);
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The stream in one piece after the other; no piece outlives its push. */
function stream(masker: SecretMasker, chunks: readonly Uint8Array[]): string {
  const out = chunks.map((chunk) => {
    const lent = chunk.slice();
    const given = masker.push(lent).slice();
    lent.fill(0x21);
    return given;
  });
  return decode([...out, masker.end()]);
}

describe("a masked secret", () => {
  const secret = "s3cr=t/Value+ü 'q'\"";

  it.each([
    ["as it is", secret],
    ["in JSON", JSON.stringify(secret).slice(1, -1)],
    ["in JSON of ASCII alone", "s3cr=t/Value+\\u00fc 'q'\\\""],
    ["in a URL", encodeURIComponent(secret)],
    ["in a URL with small digits", encodeURIComponent(secret).replaceAll(/%../g, (hex) => hex.toLowerCase())],
    ["in a form", new URLSearchParams({ v: secret }).toString().slice(2)],
    ["in a path", new URL(`http://h/${secret}`).pathname.slice(1)],
    ["in a query", new URL(`http://h/?${secret}`).search.slice(1)],
    ["quoted for a shell", secret.replaceAll("'", `'\\''`)],
    ["in base64", base64(secret)],
    ["in base64 by echo", base64(`${secret}\n`)],
    ["in base64 for URLs", Buffer.from(secret).toString("base64url")],
  ])("is gone %s", (_form, written) => {
    expect(mask(`before ${written} behind`, secret)).toMatch(/^before \*{3}=* behind$/);
  });

  it("is gone in base64, whatever stands around it", () => {
    for (const before of ["", "u", "us", "user:"]) {
      for (const behind of ["", "!", "!!", "!!!"]) {
        const shown = mask(base64(before + secret + behind), secret);
        expect(shown).toMatch(/^[A-Za-z0-9+/]{0,8}\*{3}[A-Za-z0-9+/]{0,5}=*$/);
      }
    }
  });

  it("is gone in base64 that is broken into lines", () => {
    const long = "0123456789abcdefghij".repeat(10);
    for (const width of [64, 76]) {
      const lines = base64(long)
        .replaceAll("=", "")
        .match(new RegExp(`.{1,${width}}`, "g"))!;
      expect(mask(lines.join("\n"), long)).toBe(lines.map(() => "***").join("\n"));
    }
  });

  it("of several lines is gone line by line, but for the shortest ones", () => {
    const key = "-----BEGIN-----\nabcdefgh\n  ijklmnop\r\nxy\n-----END-----\n";
    expect(mask("ijklmnop and abcdefgh, not xy", key)).toBe("*** and ***, not xy");
    expect(mask(`<${key}>`, key)).toBe("<***>");
  });

  it("leaves no part that overlaps with another, and no part of a longer one", () => {
    expect(mask("xabcdefghijklx", "abcdefgh", "efghijkl")).toBe("x***x");
    expect(mask("a longsecret2 and a longsecret", "longsecret", "longsecret2")).toBe("a *** and a ***");
    expect(mask("longsecretlongsecret.", "longsecret")).toBe("***.");
  });

  it("is held back only as long as it may be one", () => {
    const masker = new SecretMasker(["longsecret"]);
    expect(decode([masker.push(encode("a lo"))])).toBe("a ");
    expect(decode([masker.push(encode("st"))])).toBe("lost");
    expect(decode([masker.push(encode(" longsecre"))])).toBe(" ");
    expect(decode([masker.push(encode("t."))])).toBe("***.");
    expect(decode([masker.push(encode("long")), masker.end()])).toBe("long");
    expect(decode([masker.push(encode("secret"))])).toBe("secret");
  });

  it("keeps its length where offsets count", () => {
    const masker = new SecretMasker(["gehörtmir"], { preserveLength: true });
    expect(stream(masker, [encode("es gehör"), encode("tmir.")])).toBe("es **********.");
  });
});

it("changes nothing without secrets", () => {
  const chunk = encode("anything");
  expect(new SecretMasker([]).push(chunk)).toBe(chunk);
  expect(mask("anything", "")).toBe("anything");
});

it("takes a large secret", () => {
  const large = Array.from({ length: 1_000 }, (_, i) => i.toString(36).padStart(16, "äß")).join("");
  const masker = new SecretMasker([large]);
  expect(stream(masker, [encode(`<${large.slice(0, 9_999)}`), encode(`${large.slice(9_999)}>`)])).toBe(
    "<***>",
  );
});

/** What the masker must do, told without an automaton: every byte of every occurrence is covered. */
function masked(text: Uint8Array, secrets: readonly string[], preserveLength: boolean): string {
  const covered = new Uint8Array(text.length);
  for (const form of new Set(secrets.flatMap((secret) => [...maskForms(secret)]))) {
    const bytes = Buffer.from(form);
    const whole = Buffer.from(text);
    for (let at = whole.indexOf(bytes); at >= 0; at = whole.indexOf(bytes, at + 1))
      covered.fill(1, at, at + bytes.length);
  }
  const out: number[] = [];
  text.forEach((byte, at) => {
    if (covered[at] === 0) out.push(byte);
    else if (preserveLength) out.push(0x2a);
    else if (at === 0 || covered[at - 1] === 0) out.push(0x2a, 0x2a, 0x2a);
  });
  return Buffer.from(out).toString("utf8");
}

/** Few different characters, so that secrets overlap, repeat and nearly match all the time. */
const letters = fc.constantFrom("a", "b", "A", "%", "/", "\n", '"', "'", " ", "ü", "=", "Q");
const secretText = fc.array(letters, { minLength: 1, maxLength: 12 }).map((list) => list.join(""));
const written = fc.record({
  secrets: fc.array(secretText, { minLength: 1, maxLength: 4 }),
  pieces: fc.array(
    fc.oneof(
      fc.array(letters, { maxLength: 6 }).map((list) => list.join("")),
      fc.nat(),
    ),
    {
      maxLength: 12,
    },
  ),
  cuts: fc.array(fc.nat(), { maxLength: 20 }),
  preserveLength: fc.boolean(),
});

function textOf(pieces: readonly (string | number)[], secrets: readonly string[]): Uint8Array {
  const forms = secrets.flatMap((secret) => [...maskForms(secret)]);
  return encode(
    pieces.map((piece) => (typeof piece === "string" ? piece : forms[piece % forms.length])).join(""),
  );
}

function chunked(text: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  return places.slice(1).map((end, i) => text.subarray(places[i], end));
}

describe("whatever is written, in whatever chunks", () => {
  it("every occurrence of every form is masked, and nothing else", () => {
    fc.assert(
      fc.property(written, ({ secrets, pieces, cuts, preserveLength }) => {
        const text = textOf(pieces, secrets);
        const out = stream(new SecretMasker(secrets, { preserveLength }), chunked(text, cuts));
        expect(out).toBe(masked(text, secrets, preserveLength));
      }),
      { numRuns: 500 },
    );
  });

  it("no form of a secret is left", () => {
    fc.assert(
      fc.property(written, ({ secrets, pieces, cuts }) => {
        const out = stream(new SecretMasker(secrets), chunked(textOf(pieces, secrets), cuts));
        for (const secret of secrets)
          for (const form of maskForms(secret)) expect(out.includes(form)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
