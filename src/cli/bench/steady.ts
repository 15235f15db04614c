import { Child } from './child.js';
import type { Contender } from './compare.js';
import { countedBy, type Drained } from './drain.js';
import type { Lab } from './lab.js';
import type { LoadMessage, LoadTask } from './load-process.js';

/** Two services and their brokers at once have to keep up with it. */
const RATE = 1_000;
const WARM_UP_SECONDS = 12;
const MEASURED_SECONDS = 20;
const NEVER = Number.MAX_SAFE_INTEGER;
const COUNT = {
  warmUp: NEVER,
  warmUpMs: 1000 * WARM_UP_SECONDS,
  total: NEVER,
  countingMs: 1000 * MEASURED_SECONDS,
};

/** One service under a steady stream, which keeps to its commit interval: what it does once it is warm. */
export async function flow(lab: Lab, { settings }: Contender): Promise<Drained> {
  // Event time is the time of day here, and the busiest users would be taken for bots.
  const experiment = await lab.experiment({ ...settings, ISTHMUS_BOT_EVENTS_PER_MINUTE: '0' });
  const service = lab.service(experiment, COUNT);
  await service.received('ready');
  const loading: LoadTask = {
    brokers: [lab.kafka.bootstrap],
    topic: experiment.config.inputTopic,
    itemsPerDomain: 1_000,
    eventsPerSecond: RATE,
    seconds: 2 * (WARM_UP_SECONDS + MEASURED_SECONDS),
  };
  const load = lab.keep(new Child<LoadMessage>('load', { task: loading, signal: lab.signal }));
  const counted = await countedBy(lab, service);
  await Promise.all([load.end(), service.end()]);
  return counted;
}
