import assert from "node:assert/strict";
import type { RunCommand, TaskOutcome } from "../../src/domain/commands.ts";
import type { RunState } from "../../src/domain/run-state.ts";
import { assertSameOneByOne } from "./batches.ts";
import { DrivenRun, endReport, RUNNER } from "./driven-run.ts";
import { Observer } from "./observer.ts";
import { type Act, isEnd } from "./reference.ts";
import type { Interruption, Scenario } from "./scenarios.ts";

interface Task {
  readonly step: number;
  readonly fence: number;
}

/** A task in a runner's hands. `act` is what its process does; null = the process was not started. */
interface Lease extends Task {
  act: Act | null;
}

type Move = () => void;

/**
 * A workflow run among runners, timers and people. Everything happens in an order that the scenario's choices
 * make up: late, repeated and batched reports, lost leases, wakes before their time. When the choices are used
 * up, the world behaves, so that every run comes to its end.
 */
export class World {
  readonly run: DrivenRun;
  readonly applied: string[] = [];
  /** Statuses at the moment a cancel or an expiry was accepted. */
  interrupted: RunState | null = null;
  readonly #scenario: Scenario;
  readonly #observer: Observer;
  #leases: Lease[] = [];
  readonly #past: Task[] = [];
  readonly #starts: number[];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.run = new DrivenRun(scenario.stages);
    this.#observer = new Observer(this.run.state);
    this.#starts = this.run.state.steps.map(() => 0);
  }

  /** Plays to the end and answers the finished run. */
  play(): RunState {
    const { choices, interruptions } = this.#scenario;
    let at = 0;
    for (const choice of choices) {
      this.#interrupt(interruptions.filter((each) => each.at === at));
      at++;
      const moves = [...this.#honest(), ...this.#unruly()];
      moves[choice % moves.length]?.();
    }
    this.#interrupt(interruptions.filter((each) => each.at >= at));
    for (let quiet = 0; !isEnd(this.run.state.status); quiet++) {
      assert.ok(quiet < 2_000, "the run does not come to an end");
      const move = this.#honest()[0];
      assert.ok(move, "nothing can happen any more, yet the run is open");
      move();
    }
    assert.ok(this.#observer.finished, "the end came without RunFinished");
    this.#lateReports("SUCCEEDED", ...this.#past);
    return this.run.state;
  }

  #command(...commands: RunCommand[]): boolean[] {
    const before = this.run.state;
    const delta = this.run.decide(...commands);
    this.#observer.saw(delta, this.run.state);
    commands.forEach((command, at) => {
      if (command.kind === "FINISH_STEP" && delta.applied[at])
        this.applied.push(`${command.step}#${command.fence}`);
    });
    if (commands.length > 1 && delta.applied.includes(true)) assertSameOneByOne(before, commands, this.run);
    return [...delta.applied];
  }

  #interrupt(interruptions: readonly Interruption[]): void {
    for (const { by } of interruptions) {
      const { state, now } = this.run;
      const early = Math.max(0, state.expiresAt.getTime() - now.getTime());
      if (by === "EXPIRY" && early > 0) {
        assert.deepEqual(this.#command({ kind: "EXPIRE_RUN" }), [false], "expired before its time");
        this.run.advance(early);
      }
      const open = !isEnd(this.run.state.status);
      const before = this.run.state;
      const first = before.ending === null;
      const command: RunCommand =
        by === "EXPIRY"
          ? { kind: "EXPIRE_RUN" }
          : { kind: "CANCEL_RUN", mode: by, message: null, actorId: null };
      const [applied] = this.#command(command);
      const harder = by === "FORCE" && before.ending?.mode === "GRACEFUL";
      assert.equal(applied, open && (first || harder));
      if (open && first) this.interrupted = before;
    }
  }

  /** What a world without trouble does next. The first move always brings the run closer to its end. */
  #honest(): Move[] {
    const { state, now } = this.run;
    if (state.queuedAt === null && state.ending === null)
      return [() => void this.#command({ kind: "START_RUN", actorId: null })];
    const moves: Move[] = this.#leases.map((lease) => () => void this.#end([lease]));
    for (const { index, status, leased, ready, dueAt } of state.steps) {
      if (status === "QUEUED" && !leased && ready) moves.push(() => this.#claim(index));
      if (status === "WAITING" && dueAt !== null) {
        const wake = () => void this.#command({ kind: "WAKE_STEP", step: index });
        moves.push(dueAt <= now ? wake : () => this.run.advance(dueAt.getTime() - now.getTime()));
      }
    }
    return moves;
  }

  /** What goes wrong, comes late or comes together. */
  #unruly(): Move[] {
    const moves: Move[] = [() => this.run.advance(150)];
    if (this.#leases.length > 1) moves.push(() => this.#end(this.#leases));
    for (const lease of this.#leases) {
      if (lease.act === null) {
        moves.push(() => this.#startProcess(lease));
        moves.push(() => this.#giveBack(lease, "RELEASE_STEP"));
        moves.push(() => this.#giveBack(lease, "LOSE_LEASE"));
      } else {
        moves.push(() => assert.deepEqual(this.#command(startReport(lease)), [true]));
        const { step, fence } = lease;
        moves.push(() => assert.deepEqual(this.#command({ kind: "RELEASE_STEP", step, fence }), [false]));
      }
      moves.push(() => this.#lateReports("FAILED", { ...lease, fence: lease.fence - 1 }));
      moves.push(() => this.#lateReports("SUCCEEDED", { ...lease, fence: lease.fence + 1 }));
    }
    for (const task of this.#past.slice(-3)) {
      moves.push(() => this.#lateReports("SUCCEEDED", task));
      moves.push(() => this.#lateReports("ABORTED", task));
    }
    for (const { index, status, dueAt } of this.run.state.steps) {
      if (status === "WAITING" && dueAt !== null && dueAt <= this.run.now) continue;
      moves.push(() => assert.deepEqual(this.#command({ kind: "WAKE_STEP", step: index }), [false]));
    }
    return moves;
  }

  #claim(index: number): void {
    const { ref } = this.run.state.graph.steps[index]!;
    this.#leases.push({ step: index, fence: this.run.claim(ref), act: null });
  }

  #act(lease: Lease): Act {
    const { ref } = this.run.state.graph.steps[lease.step]!;
    const start = this.#starts[lease.step]!++;
    return this.#scenario.script.get(ref)?.[start] ?? "SUCCEEDED";
  }

  #startProcess(lease: Lease): void {
    lease.act = this.#act(lease);
    assert.deepEqual(this.#command(startReport(lease)), [true]);
  }

  /** Ends the processes of some leases in one batch; one that was not started starts in that batch. */
  #end(leases: readonly Lease[]): void {
    const commands = leases.flatMap((lease): RunCommand[] => {
      const { step, fence } = lease;
      const unreported = lease.act === null;
      lease.act ??= this.#act(lease);
      if (lease.act !== "LOST") return [endReport(step, fence, lease.act)];
      const lost: RunCommand = { kind: "LOSE_LEASE", step, fence };
      return unreported ? [startReport(lease), lost] : [lost];
    });
    this.#drop(leases);
    assert.ok(this.#command(...commands).every(Boolean), "a report of the holder was refused");
  }

  #giveBack(lease: Lease, kind: "RELEASE_STEP" | "LOSE_LEASE"): void {
    this.#drop([lease]);
    assert.deepEqual(this.#command({ kind, step: lease.step, fence: lease.fence }), [true]);
  }

  #drop(leases: readonly Lease[]): void {
    this.#past.push(...leases.map(({ step, fence }) => ({ step, fence })));
    this.#leases = this.#leases.filter((lease) => !leases.includes(lease));
  }

  /** All that a runner can still say of tasks that it does not hold; nobody listens. */
  #lateReports(outcome: TaskOutcome, ...tasks: readonly Task[]): void {
    const commands = tasks.flatMap((task): RunCommand[] => [
      startReport(task),
      endReport(task.step, task.fence, outcome),
      { kind: "RELEASE_STEP", step: task.step, fence: task.fence },
      { kind: "LOSE_LEASE", step: task.step, fence: task.fence },
    ]);
    assert.equal(this.#command(...commands).includes(true), false, "a late report was applied");
  }
}

function startReport({ step, fence }: Task): RunCommand {
  return { kind: "START_STEP", step, fence, actorId: RUNNER };
}
