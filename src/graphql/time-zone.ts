import { badInput } from "./errors.ts";

/** Offsets are refused: PostgreSQL and the rest of the world read their signs differently. */
const NAME = /^[A-Za-z][A-Za-z0-9_+\-/]*$/;

/** The name of a time zone, or BAD_USER_INPUT. */
export function checkTimeZone(name: string, argument: string): string {
  try {
    if (NAME.test(name)) new Intl.DateTimeFormat("en", { timeZone: name });
    else throw new RangeError();
  } catch {
    throw badInput(`\`${argument}\` must be the IANA name of a time zone, such as Europe/Berlin`);
  }
  return name;
}
