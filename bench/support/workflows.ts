/** The workflows that are measured. Their commands are never executed: the runner of the benchmark does nothing. */

const CHAIN_LENGTH = 20;

interface Step {
  readonly ref: string;
  readonly run: string;
  readonly needs?: readonly string[];
}

export interface MeasuredWorkflow {
  readonly source: string;
  readonly steps: number;
}

/** One step, then `width` side by side, then one again. */
export function wide(width: number): MeasuredWorkflow {
  const steps = Array.from({ length: width }, (_, i) => noOp(`wide-${i}`));
  return workflow(`wide-${width}`, [[noOp("first")], steps, [noOp("last")]]);
}

/** `count` independent chains of 20 steps. */
export function chains(count: number): MeasuredWorkflow {
  const steps = Array.from({ length: count * CHAIN_LENGTH }, (_, i) => {
    const [chain, link] = [Math.floor(i / CHAIN_LENGTH), i % CHAIN_LENGTH];
    return noOp(`c${chain}-${link}`, link === 0 ? [] : [`c${chain}-${link - 1}`]);
  });
  return workflow(`chains-${count}`, [steps]);
}

/** `count` steps of one stage, none of which needs another. */
export function flat(count: number): MeasuredWorkflow {
  return workflow(`flat-${count}`, [Array.from({ length: count }, (_, i) => noOp(`step-${i}`))]);
}

export function single(): MeasuredWorkflow {
  return workflow("single", [[noOp("only")]]);
}

function noOp(ref: string, needs: readonly string[] = []): Step {
  return { ref, run: ":", ...(needs.length > 0 && { needs }) };
}

function workflow(name: string, stages: readonly Step[][]): MeasuredWorkflow {
  const source = JSON.stringify({
    name,
    stages: stages.map((steps, i) => ({ name: `stage-${i + 1}`, steps })),
  });
  return { source, steps: stages.flat().length };
}
