const FORM = /^(\/([^/~]|~[01])*)*$/;
const MAX_LENGTH = 500;
const INDEX = /^(0|[1-9]\d*)$/;

/** Whether it is a JSON Pointer (RFC 6901) in its text form. */
export function isJsonPointer(text: string): boolean {
  return text.length <= MAX_LENGTH && FORM.test(text) && !text.includes("\0");
}

/** What a pointer names in a value; undefined when there is nothing. */
export function valueAt(value: unknown, pointer: string): unknown {
  const tokens = pointer.split("/").slice(1);
  return tokens.reduce((parent, token) => childOf(parent, unescapeToken(token)), value);
}

function unescapeToken(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** Only what the text itself held: nothing that every object inherits. */
function childOf(parent: unknown, token: string): unknown {
  if (Array.isArray(parent)) return INDEX.test(token) ? parent[Number(token)] : undefined;
  if (typeof parent !== "object" || parent === null || !Object.hasOwn(parent, token)) return undefined;
  return (parent as Record<string, unknown>)[token];
}
