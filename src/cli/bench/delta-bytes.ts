import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IsthmusError } from '../../errors.js';
import { Serde } from '../../serde/serde.js';
import { readBetween } from '../../verify/read.js';
import type { BenchContext } from './benches.js';
import { Child } from './child.js';
import { drain } from './drain.js';
import type { Report } from './figures.js';
import { type Experiment, Lab } from './lab.js';
import type { LoadMessage, LoadTask } from './load-process.js';

/** The most events of a transaction. */
const SIZES = [128, 500, 1_000, 4_000];
const EVENTS = 40_000;
const ITEMS_PER_DOMAIN = 1_000;
/** By default nothing is compressed. */
const COMPRESSED = { ISTHMUS_COMPRESSION: 'gzip' };
const STEADY_EVENTS_PER_SECOND = 5_000;
const STEADY_SECONDS = 12;
const STEADY_EVENTS = STEADY_EVENTS_PER_SECOND * STEADY_SECONDS;
/** For a machine that does not keep up with the stream. */
const STEADY_AT_MOST_MS = 100_000;

/** How many bytes of the delta log an event brings about, by the size of the transactions. */
export async function benchDeltaBytes(context: BenchContext): Promise<void> {
  await Lab.with(context, async (lab) => {
    const { config } = await lab.experiment();
    await lab.preload(config, ITEMS_PER_DOMAIN, EVENTS);
    for (const size of SIZES) {
      const settings = { ...COMPRESSED, ISTHMUS_MAX_TRANSACTION_EVENTS: String(size) };
      const experiment = await lab.experiment(settings, config.inputTopic);
      await drain(lab, experiment, { warmUp: 0, warmUpMs: 0, total: EVENTS, countingMs: 60_000 });
      await weigh(lab, experiment, `delta-bytes.up-to-${size}`, context.report);
    }
    await steady(lab, context.report);
  });
}

/**
 * Whatever transactions the commit interval makes of a steady stream. Where the service does not keep up they are
 * larger, and the stream ends before all is committed. Errors: BENCH_FAILED (fatal) where nothing is.
 */
async function steady(lab: Lab, report: Report): Promise<void> {
  const experiment = await lab.experiment({ ...COMPRESSED, ISTHMUS_BOT_EVENTS_PER_MINUTE: '0' });
  const { signal } = lab;
  const task = { warmUp: 0, warmUpMs: 0, total: STEADY_EVENTS, countingMs: STEADY_AT_MOST_MS };
  const service = lab.service(experiment, task);
  await service.received('ready');
  const loading: LoadTask = {
    brokers: [lab.kafka.bootstrap],
    topic: experiment.config.inputTopic,
    itemsPerDomain: ITEMS_PER_DOMAIN,
    eventsPerSecond: STEADY_EVENTS_PER_SECOND,
    seconds: STEADY_SECONDS,
  };
  const load = lab.keep(new Child<LoadMessage>('load', { task: loading, signal }));
  await load.received('done');
  await service.received('done');
  await Promise.all([service.end(), load.end()]);
  await weigh(lab, experiment, `delta-bytes.${STEADY_EVENTS_PER_SECOND / 1000}k-a-second`, report);
}

/** Reads the delta topic back, and looks how long its files are. */
async function weigh(lab: Lab, experiment: Experiment, name: string, report: Report) {
  const topic = experiment.config.modelDeltasTopic;
  const { deltas } = new Serde();
  const admin = await lab.transport.admin();
  const stable = await admin.lastStable(topic);
  await admin.close();
  const failed = new AbortController();
  const reader = lab.transport.reader([topic], (error) => failed.abort(error));
  let transactions = 0;
  let events = 0;
  let bytes = 0;
  try {
    await reader.run();
    const marks = stable.map((high) => ({ low: 0n, high }));
    const signal = AbortSignal.any([lab.signal, failed.signal]);
    await readBetween(
      reader,
      topic,
      marks,
      ({ value }) => {
        const { part, inputs } = deltas.decode(value);
        bytes += value?.length ?? 0;
        if (part > 0) return;
        transactions += 1;
        events += inputs.records;
      },
      signal,
    );
  } finally {
    await reader.close();
  }
  if (transactions === 0) {
    const message = `Nothing was committed within the time of ${name}: the machine is too slow, or busy`;
    throw new IsthmusError('BENCH_FAILED', 'fatal', message);
  }
  const stored = await storedBytes(lab, topic, stable.length);
  report({ name: `${name}.plain`, value: bytes / events, unit: 'bytes/event' });
  report({
    name: `${name}.stored`,
    value: stored / events,
    unit: 'bytes/event',
    ratio: stored / bytes,
    against: `before ${experiment.config.compression}; with headers and markers`,
  });
  report({ name: `${name}.transaction`, value: events / transactions, unit: 'events/transaction' });
}

/** Bytes of the log files of a topic, with batch headers and transaction markers. */
async function storedBytes(lab: Lab, topic: string, partitions: number): Promise<number> {
  let bytes = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const folder = join(lab.kafka.dataDir, 'log', `${topic}-${partition}`);
    for (const file of await readdir(folder)) {
      if (file.endsWith('.log')) bytes += (await stat(join(folder, file))).size;
    }
  }
  return bytes;
}
