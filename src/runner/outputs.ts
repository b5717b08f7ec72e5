import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { findTextFault } from "./storable-text.ts";

export const MAX_OUTPUT_BYTES = 1024 * 1024;
const MAX_DEPTH = 64;
const KEY = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

export type StepOutput = Readonly<Record<string, unknown>>;

/** What a step wrote to its output file cannot be taken; the message is for the workflow's author. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

/**
 * What the step wrote to $RUNCAST_OUTPUT: one JSON object, or lines of key=value where the last of equal keys
 * counts. Null when it wrote nothing.
 * @throws OutputError
 */
export async function readOutput(file: string): Promise<StepOutput | null> {
  const text = await readText(file);
  if (text === null || text.trim() === "") return null;
  return takeOutput(text.trimStart().startsWith("{") ? parseJson(text) : parseLines(text));
}

/**
 * The output, if the server can store it.
 * @throws OutputError
 */
export function takeOutput(output: StepOutput): StepOutput {
  const fault = findFault(output, 1);
  if (fault !== null) throw new OutputError(`the step's output ${fault}`);
  if (Buffer.byteLength(JSON.stringify(output)) > MAX_OUTPUT_BYTES) throw tooLarge();
  return output;
}

async function readText(file: string): Promise<string | null> {
  // The step could have put anything in its place: a link elsewhere, a pipe that never ends.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let handle: FileHandle;
  try {
    handle = await open(file, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new OutputError(`the step's output file cannot be read: ${(error as Error).message}`);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new OutputError("the step's output is not a regular file any more");
    if (stats.size > MAX_OUTPUT_BYTES) throw tooLarge();
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

function tooLarge(): OutputError {
  return new OutputError(`the step's output is larger than ${MAX_OUTPUT_BYTES} bytes`);
}

function parseJson(text: string): StepOutput {
  try {
    return JSON.parse(text) as StepOutput;
  } catch (error) {
    // Without the piece of it that is quoted: it may cut a secret in half.
    const [message] = (error as Error).message.split(/, (?:\.\.\.)?"/);
    throw new OutputError(`the step's output is not valid JSON: ${message}`);
  }
}

function parseLines(text: string): StepOutput {
  const entries = text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "") return [];
    const split = line.indexOf("=");
    const key = line.slice(0, Math.max(split, 0)).trim();
    if (!KEY.test(key)) {
      throw new OutputError(
        `line ${index + 1} of the step's output is not key=value, nor is it a JSON object`,
      );
    }
    return [[key, line.slice(split + 1)] as const];
  });
  return Object.fromEntries(entries);
}

/** What PostgreSQL could not store as jsonb, found here so that its author hears of it. */
function findFault(value: unknown, depth: number): string | null {
  if (typeof value === "string") return findTextFault(value);
  if (typeof value !== "object" || value === null) return null;
  if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
  for (const [key, item] of Object.entries(value)) {
    const fault = findTextFault(key) ?? findFault(item, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}
