import { NIL_KEY } from "../domain/ids.ts";

/** In place of a project, for the keys of commands that concern the whole installation. */
export const INSTALLATION = NIL_KEY;
