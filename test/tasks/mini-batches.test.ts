import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { subscribe } from '../../src/diagnostics.js';
import { createLearning } from '../../src/main/learning.js';
import { createTower } from '../../src/online/tower/backend.js';
import { createSerde } from '../../src/serde/open.js';
import { TaskWorker } from '../../src/tasks/worker.js';
import { noTracing } from '../../src/telemetry/tracing.js';
import type { LogRecord } from '../../src/transport/transport.js';
import { eventRecord, testConfig } from '../support/service.js';

const MINI_BATCH = 16;
const partition = { topic: 'mini-batches', partition: 0 };

function records(from: number, to: number): LogRecord[] {
  return Array.from({ length: to - from }, (_, i) => ({
    ...partition,
    offset: BigInt(from + i),
    timestampMs: 1_700_000_000_000,
    key: null,
    value: eventRecord(partition.topic, { userId: `u${i}` }).value,
    headers: {},
  }));
}

/** Events by mini-batch of one cycle of the records 10 to 52, with so many more waiting. */
async function cut(miniBatchCut: 'linger' | 'offset', backlog = 0): Promise<number[]> {
  const config = testConfig({ ISTHMUS_APP_ID: `mini-batches-${miniBatchCut}-${backlog}` });
  const worker = new TaskWorker(
    {
      ...config,
      ...{ app: config.appId, partition, partitions: 1, miniBatch: MINI_BATCH, miniBatchCut },
      ...{ maxTransactionEvents: 100, catchUpMiniBatch: 30 },
      ...{ catchUpLag: config.catchUpLagRecords, prequentialShare: config.prequentialSample },
    },
    {
      ...createLearning({
        config,
        tower: await createTower('cpu'),
        serde: createSerde(config),
        process: 'p',
        clock: systemClock,
      }),
      ...{ tracing: noTracing, now: systemClock.now, breathe: () => Promise.resolve() },
    },
  );
  worker.startAt(10n);
  const sizes: number[] = [];
  const stop = subscribe('isthmus:learn', ({ app, events }) => {
    if (app === config.appId) sizes.push(events);
  });
  await worker.compute(records(10, 53), backlog);
  stop();
  return sizes;
}

it('are as few as hold what has come', async () => {
  expect(await cut('linger')).toEqual([16, 16, 11]);
});

it('are windows of the input where they are cut by offset', async () => {
  expect(await cut('offset')).toEqual([6, 16, 16, 5]);
});

it('are larger while more waits than a transaction takes, unless they are cut by offset', async () => {
  expect(await cut('linger', 57)).toEqual([16, 16, 11]);
  expect(await cut('linger', 58)).toEqual([30, 13]);
  expect(await cut('offset', 58)).toEqual([6, 16, 16, 5]);
});
