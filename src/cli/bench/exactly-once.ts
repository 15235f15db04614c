import type { BenchContext } from './benches.js';
import { ANSWER_ALL, type Drained, drain } from './drain.js';
import { Lab } from './lab.js';
import { median } from './measure.js';

const TOTAL = 140_000;
/** Where the machine is slow, the time ends what the number of events would. */
const TASK = { warmUp: 40_000, warmUpMs: 4_000, total: TOTAL, countingMs: 7_000 };
const ROUNDS = 3;
const AGAINST = 'at-least-once';

/** The same input drained with and without transactions, in turns. */
export async function benchExactlyOnce(context: BenchContext): Promise<void> {
  await Lab.with(context, async (lab) => {
    const { config } = await lab.experiment();
    await lab.preload(config, 1_000, TOTAL);
    const runs: Record<'exactly-once' | 'at-least-once', Drained[]> = {
      'exactly-once': [],
      'at-least-once': [],
    };
    for (let round = 0; round < ROUNDS; round++) {
      for (const delivery of ['exactly-once', 'at-least-once'] as const) {
        const settings = { ...ANSWER_ALL, ISTHMUS_DELIVERY: delivery };
        const experiment = await lab.experiment(settings, config.inputTopic);
        runs[delivery].push(await drain(lab, experiment, TASK));
      }
    }
    const compare = (name: string, unit: string, figure: (run: Drained) => number): void => {
      const once = median(runs['exactly-once'].map(figure));
      const atLeast = median(runs['at-least-once'].map(figure));
      if (!Number.isFinite(once + atLeast)) return;
      context.report({
        name: `exactly-once-overhead.${name}`,
        value: once,
        unit,
        ratio: once / atLeast,
        against: AGAINST,
      });
    };
    compare('throughput', 'events/s', (run) => run.eventsPerSecond);
    compare('wall', 'µs/event', (run) => (1e6 * run.seconds) / run.events);
    compare(
      'cpu',
      'µs/event',
      (run) => (1e6 * (run.cpuSeconds + run.brokerCpuSeconds)) / run.events,
    );
    compare('cpu.service', 'µs/event', (run) => (1e6 * run.cpuSeconds) / run.events);
    compare('cpu.broker', 'µs/event', (run) => (1e6 * run.brokerCpuSeconds) / run.events);
  });
}
