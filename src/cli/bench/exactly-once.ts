import type { BenchContext } from './benches.js';
import { compareCommits } from './commits.js';
import { COMPARED_EVENTS, type Contender, compareSideBySide, drainInput } from './compare.js';
import { Lab } from './lab.js';
import { flow } from './steady.js';

const BENCH = 'exactly-once-overhead';

/** What transactions cost: each by itself, where a topic is drained as fast as it goes, and under a steady stream. */
export async function benchExactlyOnce(context: BenchContext): Promise<void> {
  await Lab.with(context, (lab) => Lab.with(context, (other) => compare([lab, other], context)));
}

async function compare(labs: readonly [Lab, Lab], context: BenchContext): Promise<void> {
  const { report, rounds } = context;
  const contenders = {
    ours: delivering('exactly-once'),
    peer: delivering('at-least-once'),
    rounds,
  };
  await compareCommits(labs[0], report, BENCH);
  const inputs = new Map<Lab, string>();
  for (const lab of labs) {
    const { config } = await lab.experiment();
    await lab.preload(config, 1_000, COMPARED_EVENTS);
    inputs.set(lab, config.inputTopic);
  }
  await compareSideBySide(labs, report, {
    ...contenders,
    bench: BENCH,
    run: (lab, contender) => drainInput(lab, inputs.get(lab)!, contender),
  });
  await compareSideBySide(labs, report, { ...contenders, bench: `${BENCH}.steady`, run: flow });
}

function delivering(name: 'exactly-once' | 'at-least-once'): Contender {
  return { name, settings: { ISTHMUS_DELIVERY: name } };
}
