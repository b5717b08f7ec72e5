import { Command } from "commander";
import { fanoutCommand } from "./fanout/command.ts";
import { orchestrationCommand } from "./orchestration/command.ts";
import { interrupted } from "./support/interrupt.ts";

/** Each area is a command, so `--help` lists the areas and `<area> --help` the options of one. */
const program = new Command("npm run bench --")
  .description(
    "Benchmarks, by area. Subject and floor take turns, the load comes from a process of its own; docs/benchmarks.md tells how to read the figures.",
  )
  .addCommand(orchestrationCommand())
  .addCommand(fanoutCommand());

try {
  await program.parseAsync();
} catch (error) {
  console.error(interrupted.aborted ? String(interrupted.reason) : error);
  process.exitCode = 1;
}
