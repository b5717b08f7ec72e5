import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../support/wait-for.ts";

/** What the steps of a test do to the world outside of the database: executions are counted here, not believed. */
export class Scene {
  readonly #folder: string;

  constructor(parent: string) {
    this.#folder = mkdtempSync(join(parent, "scene-"));
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** A step that leaves a trace of its execution, and then does what is asked. */
  step(ref: string, then = "", more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return { ref, run: `echo ${ref} >> ${this.path("effects")}\n${then}`, ...more };
  }

  /** The same; it and a child in a session of its own go on until the gate opens. */
  heldStep(ref: string, then = "", more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const wait = `until [ -e ${this.path(`gate-${ref}`)} ]; do sleep 0.05; done`;
    const pids = this.path(`pids-${ref}`);
    const held = `setsid sh -c 'echo $$ >> ${pids}; ${wait}' &\necho $$ >> ${pids}\n${wait}\nwait\n${then}`;
    return this.step(ref, held, more);
  }

  /** Lets a held step end, in this and every later execution. */
  open(ref: string): void {
    writeFileSync(this.path(`gate-${ref}`), "");
  }

  /** How often a step was executed. */
  count(ref: string): number {
    return this.executions().filter((executed) => executed === ref).length;
  }

  /** Refs of the executed steps, in order. */
  executions(): string[] {
    return this.lines("effects");
  }

  lines(name: string): string[] {
    try {
      return readFileSync(this.path(name), "utf8").trim().split("\n");
    } catch {
      return [];
    }
  }

  /** Waits until a held step executes. @returns its processes, all of them alive */
  async processesOf(ref: string, executions = 1): Promise<number[]> {
    const wanted = 2 * executions;
    const pids = await waitFor(`processes of ${ref}`, () => {
      const lines = this.lines(`pids-${ref}`).map(Number);
      return lines.length === wanted && lines;
    });
    const newest = pids.slice(-2);
    if (!newest.every(isAlive)) throw new Error(`the processes of ${ref} ended by themselves`);
    return newest;
  }
}

/** A zombie has ended: only its parent has not looked yet. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
