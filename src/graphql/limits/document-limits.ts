import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from "graphql";

/** Bounds of what one document may ask, before anything is executed. Tokens are bounded by the parser itself. */
export const DOCUMENT_LIMITS = {
  tokens: 1_000,
  depth: 12,
  aliases: 15,
  rootFields: 10,
  directives: 5,
} as const;

interface Measures {
  depth: number;
  aliases: number;
  directives: number;
  rootFields: number;
}

/**
 * Refuses documents that are too deep or too repetitive. Fragments count wherever they are spread. Introspection may
 * go deeper: the standard query of tools does.
 */
export function documentLimits(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      const measures = measure(operation.selectionSet, fragmentsOf(context.getDocument()));
      measures.directives += operation.directives?.length ?? 0;
      for (const [name, limit] of Object.entries(DOCUMENT_LIMITS)) {
        const value = measures[name as keyof Measures];
        if (value === undefined || value <= limit) continue;
        const extensions = { code: "QUERY_TOO_COMPLEX" };
        context.reportError(
          new GraphQLError(`the query has ${value} of at most ${limit}: ${name}`, {
            nodes: operation,
            extensions,
          }),
        );
      }
    },
  };
}

function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

/** Stops at the first level beyond the limits, so that fragments within fragments cannot make it long. */
function measure(root: SelectionSetNode, fragments: ReadonlyMap<string, FragmentDefinitionNode>): Measures {
  const measures: Measures = { depth: 0, aliases: 0, directives: 0, rootFields: 0 };
  let visited = 0;
  const visit = (set: SelectionSetNode, depth: number, spread: ReadonlySet<string>): void => {
    for (const selection of set.selections) {
      if (++visited > DOCUMENT_LIMITS.tokens) measures.depth = Number.POSITIVE_INFINITY;
      if (measures.depth > DOCUMENT_LIMITS.depth) return;
      measures.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const { value } = selection.name;
        const fragment = fragments.get(value);
        if (fragment !== undefined && !spread.has(value))
          visit(fragment.selectionSet, depth, new Set(spread).add(value));
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        visit(selection.selectionSet, depth, spread);
      } else {
        if (selection.name.value.startsWith("__")) continue;
        if (depth === 1) measures.rootFields++;
        if (selection.alias !== undefined) measures.aliases++;
        measures.depth = Math.max(measures.depth, depth);
        if (selection.selectionSet !== undefined) visit(selection.selectionSet, depth + 1, spread);
      }
    }
  };
  visit(root, 1, new Set());
  return measures;
}
