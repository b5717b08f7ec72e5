import {
  type ArgumentNode,
  type DefinitionNode,
  type DocumentNode,
  type ExecutionArgs,
  Kind,
  print,
  visit,
} from "graphql";
import type { Viewer } from "../../domain/access.ts";
import type { RequestContext } from "../../graphql/context.ts";

/** What depends on who asks, beyond what they may read. */
const PERSONAL_FIELDS: ReadonlySet<string> = new Set(["can", "viewer", "approvals"]);
/** Says only where a subscriber begins. */
const POSITION_ARGUMENT = "after";

interface Sharing {
  readonly text: string;
  readonly personal: boolean;
  /** Variables that are used for the position and for nothing else. */
  readonly positions: ReadonlySet<string>;
}

const known = new WeakMap<DocumentNode, Sharing>();

/**
 * The same for subscriptions whose messages are the same: the operation, its variables but for the position, and
 * everything about the viewer that decides what they may read.
 */
export function shareKey(
  { document, operationName, variableValues, contextValue }: ExecutionArgs,
  viewer: Viewer,
): string {
  const { text, personal, positions } = sharingOf(document);
  const variables = Object.entries(variableValues ?? {})
    .filter(([name]) => !positions.has(name))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  const whose = personal ? viewer.accountId : null;
  const { followedProject } = contextValue as RequestContext;
  const operation = [text, operationName ?? null, variables, followedProject];
  return JSON.stringify([...operation, scopeOf(viewer), whose]);
}

/** Whether messages of these operations may differ between people of the same rights. */
export function isPersonal(document: DocumentNode): boolean {
  return sharingOf(document).personal;
}

/** Two viewers of the same scope are answered alike, unless an answer is about them. */
function scopeOf({ type, systemAdmin, onlyProjectId, roles, task }: Viewer): readonly unknown[] {
  const sorted = [...roles].sort(([one], [other]) => (one < other ? -1 : 1));
  return [type, systemAdmin, onlyProjectId, sorted, task ?? null];
}

function sharingOf(document: DocumentNode): Sharing {
  const before = known.get(document);
  if (before !== undefined) return before;
  const positionArguments = new Set(document.definitions.flatMap(positionArgumentsOf));
  const positions = new Set<string>();
  const others = new Set<string>();
  let personal = false;
  visit(document, {
    Field: ({ name }) => {
      personal ||= PERSONAL_FIELDS.has(name.value);
    },
    VariableDefinition: () => false,
    Argument: (node) => {
      if (!positionArguments.has(node)) return undefined;
      visit(node, { Variable: ({ name }) => void positions.add(name.value) });
      return false;
    },
    Variable: ({ name }) => void others.add(name.value),
  });
  const only = new Set([...positions].filter((name) => !others.has(name)));
  const sharing = { text: print(document), personal, positions: only };
  known.set(document, sharing);
  return sharing;
}

function positionArgumentsOf(definition: DefinitionNode): ArgumentNode[] {
  if (definition.kind !== Kind.OPERATION_DEFINITION) return [];
  return definition.selectionSet.selections.flatMap((root) =>
    root.kind === Kind.FIELD
      ? (root.arguments ?? []).filter(({ name }) => name.value === POSITION_ARGUMENT)
      : [],
  );
}
