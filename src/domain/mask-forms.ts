/** The shapes in which a secret can turn up in what a step writes. */

/** Lines of a secret shorter than this are everyday text. */
const MIN_LINE_LENGTH = 4;
/** Where `base64` and `openssl base64` break their lines. */
const LINE_WIDTHS = [76, 64] as const;

/** What each percent-encoding leaves as it is. */
const KEPT_BY_ENCODINGS = [
  /[A-Za-z0-9\-_.~]/, // RFC 3986
  /[A-Za-z0-9\-_.!~*'()]/, // encodeURIComponent
  /[A-Za-z0-9\-_.~/]/, // Python's quote
  /[A-Za-z0-9\-_.!~*'();,/?:@&=+$#]/, // encodeURI
  /[!$%&'()*+,\-./0-9:;=@A-Z[\\\]^_a-z|~]/, // the path of a URL as it is written out
  /[!$%&()*+,\-./0-9:;=?@A-Z[\\\]^_`a-z{|}~]/, // its query
] as const;
const KEPT_BY_FORMS = /[A-Za-z0-9*\-._]/;

/** By byte, how it is written: hexadecimal digits come in both cases. */
const ENCODINGS = KEPT_BY_ENCODINGS.flatMap(encodingsOf);
const FORM_ENCODINGS = encodingsOf(KEPT_BY_FORMS).map((encoding) => encoding.with(0x20, "+"));

function encodingsOf(kept: RegExp): string[][] {
  return [true, false].map((upper) =>
    Array.from({ length: 256 }, (_, byte) => {
      const character = String.fromCharCode(byte);
      if (byte < 0x80 && kept.test(character)) return character;
      const hex = byte.toString(16).padStart(2, "0");
      return `%${upper ? hex.toUpperCase() : hex}`;
    }),
  );
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const encoder = new TextEncoder();

/**
 * Every form of a secret that is to be found: as it is, its lines, in base64 whatever stands before and behind it,
 * percent-encoded, escaped for JSON and quoted for a shell. A shorter form that a longer one contains is listed too.
 */
export function maskForms(secret: string): Set<string> {
  const forms = new Set<string>();
  if (secret === "") return forms;
  for (const value of new Set([secret, secret.trim()])) {
    if (value === "") continue;
    for (const form of [value, ...jsonForms(value), value.replaceAll("'", `'\\''`)]) forms.add(form);
    const bytes = encoder.encode(value);
    for (const form of percentForms(bytes)) forms.add(form);
    for (const form of base64Forms(bytes)) forms.add(form);
  }
  for (const line of secret.split(/[\r\n]+/)) {
    const text = line.trim();
    if (text.length >= MIN_LINE_LENGTH) forms.add(text);
  }
  // What is left of a very short secret between its neighbours.
  forms.delete("");
  return forms;
}

function jsonForms(value: string): string[] {
  const plain = JSON.stringify(value).slice(1, -1);
  const escaped = (text: string, characters: RegExp) =>
    text.replace(characters, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [
    plain,
    plain.replaceAll("/", "\\/"),
    escaped(plain, /[\u007f-\uffff]/g),
    escaped(plain, /[<>&\u2028\u2029]/g),
  ];
}

function percentForms(bytes: Uint8Array): string[] {
  const forms = ENCODINGS.map((encoding) => percentEncoded(bytes, encoding));
  return [...forms, ...FORM_ENCODINGS.map((encoding) => percentEncoded(bytes, encoding))];
}

function percentEncoded(bytes: Uint8Array, encoding: readonly string[]): string {
  let text = "";
  for (const byte of bytes) text += encoding[byte]!;
  return text;
}

/** For each number of bytes that can stand before it in a group of three, in both alphabets. */
function base64Forms(bytes: Uint8Array): string[] {
  const aligned = [0, 1, 2].map((before) => base64Core(bytes, before));
  // Encoded by itself, or with the newline that `echo` adds, its last characters are known as well.
  const whole = [base64(bytes), base64(new Uint8Array([...bytes, 0x0a]))];
  const lines = LINE_WIDTHS.flatMap((width) => whole.flatMap((text) => brokenInto(text, width)));
  return [...aligned, ...whole, ...lines].flatMap((form) => [
    form,
    form.replaceAll("+", "-").replaceAll("/", "_"),
  ]);
}

/** Those characters that the secret alone decides: the ones at its borders hold bits of its neighbours. */
function base64Core(bytes: Uint8Array, before: number): string {
  const padded = new Uint8Array([...new Array<number>(before).fill(0), ...bytes]);
  const firstBit = before * 8;
  const lastBit = padded.length * 8;
  return base64(padded).slice(Math.ceil(firstBit / 6), Math.floor(lastBit / 6));
}

/** Its lines, but for a last one that is too short to be told from anything else. */
function brokenInto(text: string, width: number): string[] {
  if (text.length <= width) return [];
  const lines = text.match(new RegExp(`.{1,${width}}`, "g")) ?? [];
  return lines.filter((line) => line.length >= 8);
}

/** Without padding, which says nothing. */
function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let place = 0; place < 4 && i + place <= bytes.length; place++)
      text += BASE64[(group >> (18 - 6 * place)) & 0x3f]!;
  }
  return text;
}
