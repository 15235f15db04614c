import type { BenchContext } from './benches.js';
import { Child } from './child.js';
import type { ConsumeMessage, ConsumeTask } from './consume-process.js';
import { ANSWER_ALL, drain } from './drain.js';
import type { Report } from './figures.js';
import { Lab } from './lab.js';

interface Load {
  readonly name: string;
  readonly itemsPerDomain: number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly warmUp: number;
  readonly total: number;
}

/**
 * The embeddings alone, as the learner began: no counts and walks, no replays, no probes (trust, drifts,
 * half-lives), no reasons in lists. To see what the rest costs, and what the stream can do.
 */
export const PLAIN = {
  ISTHMUS_LEARNER_NEIGHBOURS: '0',
  ISTHMUS_LEARNER_BLEND_LIFT: '0',
  ISTHMUS_LEARNER_BLEND_WALK: '0',
  ISTHMUS_LEARNER_REPLAY: '0',
  ISTHMUS_LEARNER_DISTRUST: '0',
  ISTHMUS_LEARNER_DRIFT_BOOST: '0',
  ISTHMUS_LEARNER_HALF_LIFE_DAYS: '0',
  ISTHMUS_LEARNER_FIT_MEMORY: '0',
  ISTHMUS_LEARNER_STACK_LEARNING_RATE: '0',
  ISTHMUS_BECAUSE_ITEMS: '0',
};

const LOADS: readonly Load[] = [
  { name: 'e2e.1k', itemsPerDomain: 1_000, warmUp: 80_000, total: 280_000 },
  { name: 'e2e.10k', itemsPerDomain: 10_000, warmUp: 40_000, total: 120_000 },
  { name: 'e2e.plain', itemsPerDomain: 1_000, settings: PLAIN, warmUp: 160_000, total: 480_000 },
];

/** Where the machine is slow, the time ends what the number of events would. */
const LIMITS = { warmUpMs: 12_000, countingMs: 15_000 };

/** From a full input topic to committed lists, states and deltas. */
export async function benchE2e(context: BenchContext): Promise<void> {
  await Lab.with(context, async (lab) => {
    for (const load of LOADS) await measure(lab, load, context.report);
  });
}

async function measure(lab: Lab, load: Load, report: Report): Promise<void> {
  const { name, warmUp, total } = load;
  const experiment = await lab.experiment({ ...ANSWER_ALL, ...load.settings });
  await lab.preload(experiment.config, load.itemsPerDomain, total);
  const bare = await consumeBare(lab, experiment.config.inputTopic, warmUp, total);
  const run = await drain(lab, experiment, { warmUp, total, ...LIMITS });
  const perEvent = (seconds: number): number => (1e6 * seconds) / run.events;

  report({
    name,
    value: run.eventsPerSecond,
    unit: 'events/s',
    ratio: run.eventsPerSecond / bare,
    against: 'bare kafkajs, consume and decode',
  });
  const { decode, learn, recommend, encode } = run.steps;
  const rest = run.cpuSeconds - decode - learn - recommend - encode;
  const parts = { decode, learn, recommend, encode, send: rest };
  for (const [part, seconds] of Object.entries(parts)) {
    report({
      name: `${name}.profile.${part}`,
      value: perEvent(seconds),
      unit: 'µs/event',
      ratio: seconds / run.cpuSeconds,
      against: 'all CPU time of the service',
    });
  }
  report({ name: `${name}.cpu.service`, value: perEvent(run.cpuSeconds), unit: 'µs/event' });
  if (Number.isFinite(run.brokerCpuSeconds)) {
    report({ name: `${name}.cpu.broker`, value: perEvent(run.brokerCpuSeconds), unit: 'µs/event' });
  }
  report({ name: `${name}.lists`, value: run.lists / run.events, unit: 'lists/event' });
  report({ name: `${name}.output`, value: run.outputBytes / run.events, unit: 'bytes/event' });
  report({ name: `${name}.deltas`, value: run.deltaBytes / run.events, unit: 'bytes/event' });
  report({ name: `${name}.transaction.p50`, value: run.transactionMs, unit: 'ms' });
  report({
    name: `${name}.transaction.events`,
    value: run.events / run.transactions,
    unit: 'events/transaction',
  });
  report({ name: `${name}.rss`, value: run.rssBytes / 2 ** 20, unit: 'MiB' });
}

async function consumeBare(
  lab: Lab,
  topic: string,
  warmUp: number,
  total: number,
): Promise<number> {
  const task: ConsumeTask = { brokers: [lab.kafka.bootstrap], topic, warmUp, total };
  const child = lab.keep(new Child<ConsumeMessage>('consume', { task, signal: lab.signal }));
  const { eventsPerSecond } = await child.received('done');
  await child.end();
  return eventsPerSecond;
}
