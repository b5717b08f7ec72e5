import { invalidValue } from "../domain/refusals.ts";
import { sqlState } from "../persistence/database.ts";

const UNIQUE_VIOLATION = "23505";

/** For names that must be unique: what the table refused is told as a fault of the input. */
export async function refuseTaken<Result>(
  path: string,
  message: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) throw invalidValue(path, message);
    throw error;
  }
}
