import type { SecretMasker } from "../domain/mask.ts";
import type { StepOutput } from "./outputs.ts";

/** An output without the secrets that it holds, be they names, texts or numbers. */
export function maskOutput(output: StepOutput | null, masker: SecretMasker): StepOutput | null {
  return output === null ? null : (maskValue(output, masker) as StepOutput);
}

function maskValue(value: unknown, masker: SecretMasker): unknown {
  if (typeof value === "string") return masker.maskText(value);
  if (Array.isArray(value)) return value.map((item) => maskValue(item, masker));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => [
      masker.maskText(key),
      maskValue(item, masker),
    ]);
    return Object.fromEntries(entries) as unknown;
  }
  if (typeof value !== "number") return value;
  const masked = masker.maskText(String(value));
  return masked === String(value) ? value : masked;
}
