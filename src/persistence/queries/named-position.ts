import { NIL_KEY } from "../../domain/ids.ts";

/** A place in a list by name. */
export interface NamedPosition {
  readonly name: string;
  readonly id: string;
}

/** Before every row: where the first page starts. */
export const BEFORE_ALL: NamedPosition = { name: "", id: NIL_KEY };
