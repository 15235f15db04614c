import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { IsthmusError } from '../../errors.js';
import type { BenchContext } from './benches.js';
import { Child } from './child.js';
import { Lab } from './lab.js';
import type { LoadMessage, LoadTask } from './load-process.js';
import { median } from './measure.js';

const MINUTES = 10;
/** Of the time: histories are full by then, so that what there is to know no longer grows, and the heap has found its size. */
const WARM_UP = 0.3;
const EVENTS_PER_SECOND = 500;
const ITEMS_PER_DOMAIN = 500;
/** So few that their histories are full when the warm-up is over: of 5,000 most would still grow. */
const USERS = 400;
const SAMPLE_MS = 2_000;
const SAMPLES_PER_MINUTE = 30;
const NEVER = Number.MAX_SAFE_INTEGER;
const PAGE_BYTES = 4_096;
const MIB = 1_048_576;

/**
 * Whether the memory of a service stays flat: ten minutes (or `minutes`) of a steady stream, with a snapshot
 * every twenty seconds, and pruning. Errors: BENCH_FAILED (fatal) where the system does not tell of memory.
 */
export async function benchSoak({
  signal,
  profileDir,
  report,
  minutes: length = MINUTES,
}: BenchContext): Promise<void> {
  const seconds = 60 * length;
  const warmUpSeconds = WARM_UP * seconds;
  const count = {
    warmUp: NEVER,
    warmUpMs: 1_000 * warmUpSeconds,
    total: NEVER,
    countingMs: NEVER,
  };
  await Lab.with({ signal, profileDir }, async (lab) => {
    const experiment = await lab.experiment({
      ISTHMUS_BOT_EVENTS_PER_MINUTE: '0',
      ISTHMUS_SNAPSHOT_INTERVAL_MS: '20000',
      ISTHMUS_SNAPSHOT_KEEP: '2',
    });
    const service = lab.service(experiment, count);
    await service.received('ready');
    const loading: LoadTask = {
      brokers: [lab.kafka.bootstrap],
      topic: experiment.config.inputTopic,
      itemsPerDomain: ITEMS_PER_DOMAIN,
      users: USERS,
      eventsPerSecond: EVENTS_PER_SECOND,
      seconds,
    };
    const load = lab.keep(new Child<LoadMessage>('load', { task: loading, signal }));
    await load.received('started');
    const begin = performance.now();
    const minutes: number[] = [];
    const megabytes: number[] = [];
    while (performance.now() - begin < 1_000 * seconds) {
      await delay(SAMPLE_MS, undefined, { signal });
      const elapsed = (performance.now() - begin) / 1_000;
      if (elapsed < warmUpSeconds) continue;
      minutes.push(elapsed / 60);
      megabytes.push(residentBytes(service.pid) / MIB);
    }
    service.send({});
    const run = await service.received('done');
    await Promise.all([service.end(), load.end()]);
    // A short soak has no minute of each.
    const samples = Math.min(SAMPLES_PER_MINUTE, Math.ceil(megabytes.length / 3));
    const first = median(megabytes.slice(0, samples));
    const last = median(megabytes.slice(-samples));
    report({ name: 'soak.rss.first-minute', value: first, unit: 'MiB' });
    report({
      name: 'soak.rss.last-minute',
      value: last,
      unit: 'MiB',
      ratio: last / first,
      against: 'the first minute after the warm-up',
    });
    report({ name: 'soak.rss.slope', value: slope(minutes, megabytes), unit: 'MiB/min' });
    report({ name: 'soak.events', value: run.events, unit: 'events' });
    report({ name: 'soak.snapshots', value: run.snapshots, unit: 'snapshots' });
  });
}

function residentBytes(pid: number): number {
  try {
    const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
    return Number(pages) * PAGE_BYTES;
  } catch (cause) {
    throw new IsthmusError(
      'BENCH_FAILED',
      'fatal',
      'The system does not tell how much memory the service has: this bench needs /proc (Linux)',
      { cause },
    );
  }
}

/** Of the line of least squares. */
function slope(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const above = x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0);
  return above / x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
}
