import type { BenchContext } from './benches.js';
import { COMPARED_EVENTS, type Contender, compareDrained } from './compare.js';
import { Lab } from './lab.js';

/** The same input drained with and without transactions, in turns. */
export async function benchExactlyOnce(context: BenchContext): Promise<void> {
  await Lab.with(context, async (lab) => {
    const { config } = await lab.experiment();
    await lab.preload(config, 1_000, COMPARED_EVENTS);
    await compareDrained(lab, context.report, {
      bench: 'exactly-once-overhead',
      input: config.inputTopic,
      rounds: context.rounds,
      ours: delivering('exactly-once'),
      peer: delivering('at-least-once'),
    });
  });
}

function delivering(name: 'exactly-once' | 'at-least-once'): Contender {
  return { name, settings: { ISTHMUS_DELIVERY: name } };
}
