/** What one workflow file may hold. The server answers for every file, so a hostile one must stay cheap. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;
export const MAX_STAGES = 200;
export const MAX_STEPS = 10_000;
export const MAX_NEEDS = 100_000;
export const MAX_ENV_ENTRIES = 500;
export const MAX_INPUTS = 100;

/** One argument of a program may have 128 KiB on Linux, and the command is one. */
export const MAX_COMMAND_BYTES = 128 * 1024 - 1;

/** A variable is one argument too: name, "=" and value, in characters of up to three bytes. */
export const MAX_VALUE_LENGTH = 32_768;

/** The body of an HTTP request before values are put in. */
export const MAX_BODY_LENGTH = 131_072;
