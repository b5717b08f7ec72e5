import { TextDecoder } from "node:util";
import { ReportError } from "./report.ts";

/** Where the declaration has ended in all files of this world. */
export const DECLARATION_BYTES = 256;

const DECLARED = /^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']/;

/** A decoder for an XML file that begins with these bytes: its byte order mark counts, then its declaration. */
export function xmlDecoder(head: Buffer): TextDecoder {
  if (head[0] === 0xff && head[1] === 0xfe) return new TextDecoder("utf-16le");
  if (head[0] === 0xfe && head[1] === 0xff) return new TextDecoder("utf-16be");
  if (head[0] === 0xef && head[1] === 0xbb) return new TextDecoder("utf-8");
  const declared = DECLARED.exec(head.toString("latin1", 0, DECLARATION_BYTES))?.[1] ?? "utf-8";
  // Whoever could be read as ASCII so far is not in UTF-16, whatever it says.
  if (/^utf-?16/i.test(declared)) return new TextDecoder("utf-8");
  try {
    return new TextDecoder(declared);
  } catch {
    throw new ReportError(`1:1: the encoding ${JSON.stringify(declared)} is not known here`);
  }
}
