/** Everything that can be checked without running the product: `npm run check`. Shows the output of what fails. */
import { spawn } from "node:child_process";

const NODE = [process.execPath, "--import", "tsx"];
const BIN = "node_modules/.bin/";
const CHECKS = {
  types: [`${BIN}tsc`, "--noEmit", "-p", "tsconfig.json"],
  "types of the page": [`${BIN}tsc`, "--noEmit", "-p", "web/graphiql"],
  lint: [`${BIN}biome`, "check", "--error-on-warnings", "."],
  layers: [`${BIN}depcruise`, "--config", ".dependency-cruiser.cjs", "src", "migrations"],
  "API schema": [...NODE, "scripts/print-schema.ts", "--check"],
  "generated types": [...NODE, "scripts/generate-types.ts", "--check"],
  "artifacts of the Relay recipe": [
    `${BIN}relay-compiler`,
    "--validate",
    "examples/clients/relay/relay.config.json",
  ],
  "workflow file schema": [...NODE, "scripts/print-definition-schema.ts", "--check"],
  "database schema": [...NODE, "scripts/print-database.ts", "--check"],
};
/** The machines that this runs on have two cores. */
const AT_ONCE = 2;

const waiting = Object.entries(CHECKS);
let failed = 0;
await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(failed === 0 ? `${Object.keys(CHECKS).length} checks passed` : `${failed} checks failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function work() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [name, command] = next;
    const started = performance.now();
    const { code, output } = await run(command);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
    if (code === 0) continue;
    failed++;
    console.log(output);
  }
}

function run([program, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("error", (error) => resolve({ code: 1, output: String(error) }));
    child.on("close", (code) => resolve({ code, output }));
  });
}
