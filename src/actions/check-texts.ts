import { title } from "../definitions/model-parts.ts";
import { keyOf } from "../domain/ids.ts";
import { type Fault, invalid } from "../domain/refusals.ts";

const MAX_NAME_LENGTH = 200;
const MAX_DESCRIPTION_LENGTH = 500;
const MAX_URL_LENGTH = 2_000;
/** No underscore, so that a slug never looks like an id. */
const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;
const USERNAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/;
/** What Runcast itself is called where it acts. */
const RESERVED_USERNAMES = ["system"];

/** Collects what is wrong with an input's texts, so that all of it is told at once. */
export class TextFaults {
  readonly #faults: Fault[] = [];

  slug(path: string, slug: string): this {
    return this.#refuse(
      !SLUG.test(slug),
      path,
      "1 to 63 lower-case letters, digits and dashes, not starting with a dash",
    );
  }

  username(path: string, username: string): this {
    const form = "1 to 100 letters, digits and . _ @ + -, starting with a letter or digit";
    this.#refuse(!USERNAME.test(username) || keyOf("Account", username) !== null, path, form);
    return this.#refuse(
      RESERVED_USERNAMES.includes(username.toLowerCase()),
      path,
      "this username is reserved",
    );
  }

  /** A name as workflow files have them. */
  workflowName(path: string, name: string): this {
    const form = "1 to 100 letters, digits, spaces and . _ -, starting with a letter or digit";
    return this.#refuse(!title.safeParse(name).success, path, form);
  }

  /** A name to show. */
  name(path: string, name: string): this {
    const usable = name.trim() !== "" && name.length <= MAX_NAME_LENGTH && !name.includes("\0");
    return this.#refuse(!usable, path, `1 to ${MAX_NAME_LENGTH} characters, not only spaces, and no NUL`);
  }

  description(path: string, text: string): this {
    const usable = text.length <= MAX_DESCRIPTION_LENGTH && !text.includes("\0");
    return this.#refuse(!usable, path, `at most ${MAX_DESCRIPTION_LENGTH} characters and no NUL`);
  }

  pictureUrl(path: string, url: string): this {
    const usable =
      url.length <= MAX_URL_LENGTH && /^https?:\/\//i.test(url) && URL.canParse(url) && !url.includes("\0");
    return this.#refuse(!usable, path, `an http or https URL of at most ${MAX_URL_LENGTH} characters`);
  }

  future(path: string, moment: Date, now: Date): this {
    return this.#refuse(moment <= now, path, "must be in the future");
  }

  /** Throws everything that was found. */
  throwIfAny(): void {
    if (this.#faults.length > 0) throw invalid("input", this.#faults);
  }

  #refuse(faulty: boolean, path: string, message: string): this {
    if (faulty) this.#faults.push({ path, message, line: null, column: null });
    return this;
  }
}
