import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext } from './benches.js';
import { Child } from './child.js';
import { PLAIN } from './e2e.js';
import type { Report } from './figures.js';
import { Lab, PARTITIONS } from './lab.js';
import type { LoadMessage, LoadTask } from './load-process.js';
import type { WatchMessage, WatchTask } from './watch-process.js';

const STREAMS = [
  { name: 'freshness.1k', rate: 1_000, settings: {} },
  { name: 'freshness.5k', rate: 5_000, settings: {} },
  { name: 'freshness.5k.plain', rate: 5_000, settings: PLAIN },
];
const ITEMS_PER_DOMAIN = 1_000;
/** The service's code is compiled by then, and every user and item has been met. */
const WARM_UP_SECONDS = 8;
const MEASURED_SECONDS = 16;
const NEVER = Number.MAX_SAFE_INTEGER;
/** What the service does meanwhile, to explain the figures. */
const COUNT = { warmUp: NEVER, warmUpMs: 8_000, total: NEVER, countingMs: NEVER };
/** After the last event, for lists that are under way. */
const REST_MS = 1_000;

/** From the moment at which an event is due to its list in the hands of another process. */
export async function benchFreshness(context: BenchContext): Promise<void> {
  await Lab.with(context, async (lab) => {
    for (const stream of STREAMS) await measure(lab, stream, context.report);
  });
}

async function measure(
  lab: Lab,
  { name, rate, settings }: (typeof STREAMS)[number],
  report: Report,
): Promise<void> {
  // Event time is the time of day here, and the busiest users would be taken for bots.
  const experiment = await lab.experiment({ ...settings, ISTHMUS_BOT_EVENTS_PER_MINUTE: '0' });
  const { config } = experiment;
  const brokers = [lab.kafka.bootstrap];
  const { signal } = lab;
  const service = lab.service(experiment, COUNT);
  await service.received('ready');
  const watching: WatchTask = {
    brokers,
    topic: config.recommendationsTopic,
    partitions: PARTITIONS,
    fromMs: Number.MAX_SAFE_INTEGER,
  };
  const watch = lab.keep(new Child<WatchMessage>('watch', { task: watching, signal }));
  await watch.received('ready');
  const loading: LoadTask = {
    brokers,
    topic: config.inputTopic,
    itemsPerDomain: ITEMS_PER_DOMAIN,
    eventsPerSecond: rate,
    seconds: WARM_UP_SECONDS + MEASURED_SECONDS,
  };
  const load = lab.keep(new Child<LoadMessage>('load', { task: loading, signal }));
  const { atMs } = await load.received('started');
  watch.send({ fromMs: atMs + WARM_UP_SECONDS * 1000 });
  await load.received('done');
  await delay(REST_MS, undefined, { signal });
  watch.send({});
  const { p50Ms, p99Ms, maxMs, lists } = await watch.received('done');
  service.send({});
  const run = await service.received('done');
  await Promise.all([service.end(), watch.end(), load.end()]);
  // Where the machine is too slow for the rate, no list may have come in time.
  if (lists > 0) {
    report({ name: `${name}.p50`, value: p50Ms, unit: 'ms' });
    report({ name: `${name}.p99`, value: p99Ms, unit: 'ms' });
    report({ name: `${name}.max`, value: maxMs, unit: 'ms' });
  }
  report({ name: `${name}.lists`, value: lists / MEASURED_SECONDS, unit: 'lists/s' });
  if (run.events === 0) return;
  report({ name: `${name}.transaction.p50`, value: run.transactionMs, unit: 'ms' });
  report({
    name: `${name}.transaction.events`,
    value: run.events / run.transactions,
    unit: 'events/transaction',
  });
  report({
    name: `${name}.cpu.service`,
    value: (1e6 * run.cpuSeconds) / run.events,
    unit: 'µs/event',
    ratio: run.cpuSeconds / run.seconds,
    against: 'one core',
  });
}
