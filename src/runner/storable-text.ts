/** Half of a surrogate pair: nothing that was ever UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const ALL_LONE_SURROGATES = /\p{Surrogate}/gu;

/** What keeps PostgreSQL from storing the text, in words that follow a subject; null when nothing does. */
export function findTextFault(text: string): string | null {
  if (text.includes("\0")) return "holds a NUL character";
  return LONE_SURROGATE.test(text) ? "holds half of a surrogate pair" : null;
}

/** The text with what cannot be stored replaced, as decoders do with invalid bytes. */
export function storableText(text: string): string {
  const withoutNul = text.includes("\0") ? text.replaceAll("\0", "\uFFFD") : text;
  return LONE_SURROGATE.test(withoutNul) ? withoutNul.replace(ALL_LONE_SURROGATES, "\uFFFD") : withoutNul;
}
