import type { RootField } from "./root-field.ts";
import { MANAGEMENT_FIELDS } from "./root-fields-of-management.ts";
import { RUN_FIELDS } from "./root-fields-of-runs.ts";

/** Every root field of the schema has one line in one of these: a test names those that are missing. */
export const ROOT_FIELDS: Readonly<Record<string, RootField>> = { ...RUN_FIELDS, ...MANAGEMENT_FIELDS };
