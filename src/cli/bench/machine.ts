import type { BenchContext } from './benches.js';
import { takeTurns } from './measure.js';

const STEPS = 1_000_000;

/**
 * How fast this core is at the moment: nanoseconds for a multiplication and an addition that wait
 * for each other. The other figures are to be read beside it; ratios do not need it.
 */
export async function benchMachine({ report }: BenchContext): Promise<void> {
  let kept = 0;
  const seconds = takeTurns([
    {
      name: 'step',
      run: () => {
        kept = chain(kept);
        return STEPS;
      },
    },
  ]);
  report({ name: 'machine.step', value: 1e9 * seconds.get('step')!, unit: 'ns' });
}

function chain(from: number): number {
  let value = from;
  for (let i = 0; i < STEPS; i++) value = (Math.imul(value, 31) + i) | 0;
  return value;
}
