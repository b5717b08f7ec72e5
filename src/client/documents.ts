import type { DocumentTypeDecoration } from "@graphql-typed-document-node/core";
import { type DocumentNode, print } from "graphql";

/** A query text, a parsed document, or one of the typed documents that code generators make. */
export type RuncastDocument<Result, Variables> =
  | string
  | (DocumentTypeDecoration<Result, Variables> & (DocumentNode | { toString(): string }));

export function documentText(document: RuncastDocument<never, never>): string {
  if (typeof document === "string") return document;
  return "kind" in document ? print(document) : document.toString();
}
