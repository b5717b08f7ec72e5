import { SETTING_LIST } from "./settings.ts";

const HEADER = `# Every setting of Runcast with its default. Lines that start with "#" have no effect.
# Runcast reads its environment only; to use a file like this one in a shell: set -a; . ./.env; set +a
`;

/** The text of `.env.example`. */
export function renderEnvExample(): string {
  const blocks = SETTING_LIST.map(({ variable, kind, default: value, description }) => {
    const derived = typeof value === "object" && value !== null;
    const note = derived ? ` Default: ${value.text}.` : "";
    return [
      `# ${description}${note}`,
      `# Expected: ${kind.expects}.`,
      `# ${variable}=${derived ? "" : (value ?? "")}`,
      "",
    ].join("\n");
  });
  return [HEADER, ...blocks].join("\n");
}
