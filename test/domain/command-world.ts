import assert from "node:assert/strict";
import type { RunCommand } from "../../src/domain/commands.ts";
import type { RunDelta } from "../../src/domain/decide.ts";
import type { RunState } from "../../src/domain/run-state.ts";
import { assertSameOneByOne } from "./batches.ts";
import { ChildRuns } from "./child-runs.ts";
import { type CommandScenario, reusedSteps } from "./command-scenarios.ts";
import { completion, DrivenRun, decision, endReport, PERSON, RUNNER, testedReport } from "./driven-run.ts";
import { Observer } from "./observer.ts";
import { runWish, stepWish, type Wish } from "./people.ts";
import { type Act, isEnd } from "./reference.ts";

interface Task {
  readonly step: number;
  readonly fence: number;
}

interface Lease extends Task {
  started: boolean;
}

type Move = () => void;

/**
 * A run among people who ask for anything at any time, runners, timers and child runs. What a run must be at all
 * times is asserted after each decision; whether a wish is granted is compared with the table of legal states.
 * When the choices are used up everybody behaves, and the run must come to its end.
 */
export class CommandWorld {
  readonly run: DrivenRun;
  /** Every move of a step, "FAILED PENDING", and every kind of command that changed something. */
  readonly seen = new Set<string>();
  readonly #scenario: CommandScenario;
  readonly #observer: Observer;
  #leases: Lease[] = [];
  readonly #children = new ChildRuns();
  readonly #past: Task[] = [];
  readonly #applied = new Set<string>();
  readonly #starts: number[];

  constructor(scenario: CommandScenario) {
    this.#scenario = scenario;
    this.run = new DrivenRun(scenario.stages, scenario.settings);
    this.#observer = new Observer(this.run.state);
    this.#starts = this.run.state.steps.map(() => 0);
  }

  play(): RunState {
    const steps = reusedSteps(this.run.state.graph, this.#scenario.reused);
    if (steps.length > 0) this.#command({ kind: "REUSE_STEPS", steps, actorId: PERSON });
    for (const choice of this.#scenario.choices) this.#turn(choice);
    for (let quiet = 0; !isEnd(this.run.state.status); quiet++) {
      assert.ok(quiet < 1_000, "the run does not come to an end");
      const move = this.#honest()[0];
      assert.ok(move, `nothing can happen any more, yet the run is ${this.run.state.status}`);
      move();
    }
    assert.ok(this.#observer.finished, "the end came without RunFinished");
    assert.equal(this.#leases.length + this.#children.open.size, 0, "something of an ended run goes on");
    for (const { step, fence } of this.#past) this.#late({ step, fence });
    return this.run.state;
  }

  #turn(choice: number): void {
    const dice = Math.floor(choice / 10);
    const { state } = this.run;
    const step = Math.floor(dice / 128) % state.steps.length;
    if (choice % 10 < 4) pick(this.#honest(), dice);
    else if (choice % 10 < 6) pick(this.#unruly(), dice);
    else if (choice % 10 < 7) this.#wish(runWish(state, dice));
    else this.#wish(stepWish(state, step, dice % 128));
  }

  /** What the table allows is done, and what it does not changes nothing. */
  #wish({ commands, legal, repeats }: Wish): void {
    const { status } = this.run.state;
    const applied = this.#command(...commands);
    const what = `${commands.map(({ kind }) => kind).join()} of a run that is ${status}`;
    assert.equal(applied.includes(true), legal && !repeats, what);
  }

  #command(...commands: RunCommand[]): boolean[] {
    const before = this.run.state;
    const delta = this.run.decide(...commands);
    this.#observer.saw(delta, this.run.state);
    this.#note(commands, delta, before);
    this.#children.follow(delta.signals);
    assert.deepEqual(
      this.#leases.map(({ step, fence }) => `${step}#${fence}`).sort(),
      this.run.state.steps
        .flatMap(({ index, leased, fence }) => (leased ? [`${index}#${fence}`] : []))
        .sort(),
      "the runners hold something else than the run thinks",
    );
    if (commands.length > 1 && delta.applied.includes(true)) assertSameOneByOne(before, commands, this.run);
    return [...delta.applied];
  }

  #note(commands: readonly RunCommand[], { applied, events, head }: RunDelta, before: RunState): void {
    const statuses = before.steps.map(({ status }) => status);
    for (const { type, payload } of events) {
      if (type === "StepStatusChanged") {
        this.seen.add(`${statuses[payload.step]} ${payload.status}`);
        statuses[payload.step] = payload.status;
      } else this.seen.add(type);
    }
    for (const [at, command] of commands.entries()) {
      if (!applied[at]) continue;
      this.seen.add(command.kind);
      if (command.kind !== "FINISH_STEP") continue;
      const key = `${command.step}#${command.fence}`;
      assert.ok(!this.#applied.has(key), "a completion was applied twice");
      this.#applied.add(key);
    }
    const reopened = events.some(({ type }) => type === "RunReopened");
    assert.ok(reopened || head.progress >= before.progress, "the progress falls");
    if (reopened) assertReopened(head, before, this.run);
    else assert.deepEqual(head.expiresAt, before.expiresAt);
  }

  /** What a world without trouble does next. The first move always brings the run closer to its end. */
  #honest(): Move[] {
    const { state, now } = this.run;
    if (state.queuedAt === null && state.ending === null)
      return [() => void this.#command({ kind: "START_RUN", actorId: null })];
    const moves: Move[] = this.#leases.map((lease) => () => this.#end([lease]));
    for (const key of this.#children.open.keys()) moves.push(() => this.#endChild(key, "SUCCEEDED"));
    for (const { index, status, ready, dueAt } of state.steps) {
      const { waitsFor } = state.graph.steps[index]!;
      if (ready) moves.push(() => this.#claim(index));
      if (status !== "WAITING") continue;
      if (waitsFor === "APPROVAL") moves.push(() => void this.#command(decision(index, true, 2)));
      if (waitsFor === "EXTERNAL") moves.push(() => void this.#command(completion(index, true)));
      if (dueAt === null) continue;
      const wake = () => assert.deepEqual(this.#command({ kind: "WAKE_STEP", step: index }), [true]);
      moves.push(dueAt <= now ? wake : () => this.run.advance(dueAt.getTime() - now.getTime()));
    }
    if (moves.length > 0 || state.pause === null) return moves;
    return [() => void this.#command({ kind: "RESUME_RUN", actorId: PERSON })];
  }

  /** What goes wrong, comes late or comes together. */
  #unruly(): Move[] {
    const { state, now } = this.run;
    const moves: Move[] = [() => this.run.advance(150), () => this.run.advance(5_000)];
    moves.push(() => {
      const due = state.expiresAt <= now && !isEnd(state.status) && state.ending === null;
      assert.deepEqual(this.#command({ kind: "EXPIRE_RUN" }), [due], "EXPIRE_RUN");
    });
    if (this.#leases.length > 1) moves.push(() => this.#end(this.#leases));
    for (const lease of this.#leases) {
      if (!lease.started) {
        moves.push(() => this.#startProcess(lease));
        moves.push(() => this.#giveBack(lease, "RELEASE_STEP"));
      }
      moves.push(() => this.#giveBack(lease, "LOSE_LEASE"));
      moves.push(() => this.#late({ ...lease, fence: lease.fence + 1 }));
    }
    for (const key of this.#children.open.keys()) {
      for (const end of ["FAILED", "TIMED_OUT", "CANCELED", "SKIPPED"] as const)
        moves.push(() => this.#endChild(key, end));
    }
    for (const task of this.#past.slice(-2)) moves.push(() => this.#late(task));
    return moves;
  }

  #claim(index: number): void {
    const { ref } = this.run.state.graph.steps[index]!;
    this.#leases.push({ step: index, fence: this.run.claim(ref), started: false });
  }

  #act({ step }: Lease): Act {
    const { ref } = this.run.state.graph.steps[step]!;
    return this.#scenario.script.get(ref)?.[this.#starts[step]!++] ?? "SUCCEEDED";
  }

  #startProcess(lease: Lease): void {
    lease.started = true;
    assert.deepEqual(this.#command(startReport(lease)), [true]);
  }

  /** Ends the processes of some leases in one batch; one that was not started starts in that batch. */
  #end(leases: readonly Lease[]): void {
    const commands = leases.flatMap((lease): RunCommand[] => {
      const { step, fence } = lease;
      const act = this.#act(lease);
      const gated = this.run.state.graph.steps[step]!.type === "TEST" && act !== "ABORTED";
      if (act !== "LOST") return [(gated ? testedReport : endReport)(step, fence, act)];
      const lost: RunCommand = { kind: "LOSE_LEASE", step, fence };
      return lease.started ? [lost] : [startReport(lease), lost];
    });
    this.#drop(leases);
    assert.ok(this.#command(...commands).every(Boolean), "a report of the holder was refused");
  }

  #endChild(key: string, status: "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "CANCELED" | "SKIPPED"): void {
    const ended = {
      kind: "CHILD_ENDED",
      ...this.#children.open.get(key)!,
      status,
      message: null,
      output: {},
    } as const;
    this.#children.open.delete(key);
    assert.deepEqual(this.#command(ended), [true], "the end of a child was not heard");
    assert.deepEqual(this.#command(ended), [false], "the end of a child was heard twice");
  }

  #giveBack(lease: Lease, kind: "RELEASE_STEP" | "LOSE_LEASE"): void {
    this.#drop([lease]);
    assert.deepEqual(this.#command({ kind, step: lease.step, fence: lease.fence }), [true]);
  }

  #drop(leases: readonly Lease[]): void {
    this.#past.push(...leases.map(({ step, fence }) => ({ step, fence })));
    this.#leases = this.#leases.filter((lease) => !leases.includes(lease));
  }

  /** All that can still be said of a task that nobody holds; nobody listens. */
  #late(task: Task): void {
    const { step, fence } = task;
    const applied = this.#command(
      startReport(task),
      endReport(step, fence, "SUCCEEDED"),
      endReport(step, fence, "ABORTED"),
      { kind: "RELEASE_STEP", step, fence },
      { kind: "LOSE_LEASE", step, fence },
    );
    assert.equal(applied.includes(true), false, "a late report was applied");
  }
}

function pick(moves: readonly Move[], dice: number): void {
  moves[dice % Math.max(1, moves.length)]?.();
}

function startReport({ step, fence }: Task): RunCommand {
  return { kind: "START_STEP", step, fence, actorId: RUNNER };
}

/** A reopened run has its whole time again, and what ended it is forgotten. */
function assertReopened(head: RunDelta["head"], before: RunState, { now, state }: DrivenRun): void {
  assert.ok(isEnd(before.status) && before.finalizedAt === null, `a ${before.status} run was reopened`);
  assert.equal(head.ending, null);
  assert.equal(head.expiresAt.getTime(), now.getTime() + state.settings.timeoutMs);
}
