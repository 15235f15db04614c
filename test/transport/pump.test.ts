import { expect, test } from 'vitest';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';

const topic = 'input';

test('nothing that was fetched before a start is delivered after it', async () => {
  const log = new MemoryLog();
  log.createTopic({ topic, partitions: 1 });
  let hold: Promise<void> = Promise.resolve();
  const transport = new MemoryTransport(log, {
    fault: (point) => (point === 'deliver' ? hold : undefined),
  });
  const producer = await transport.producer();
  const send = (...values: string[]) =>
    producer.send(
      values.map((value) => ({ topic, partition: 0, key: null, value: Buffer.from(value) })),
    );
  await send('a', 'b');
  const consumer = transport.groupConsumer({
    groupId: 'g',
    topics: [topic],
    sessionTimeoutMs: 1000,
    maxWaitMs: 1,
    concurrency: 1,
  });
  const seen: string[] = [];
  const place = { topic, partition: 0 };
  let assigned = (): void => undefined;
  const started = new Promise<void>((resolve) => {
    assigned = resolve;
  });
  await consumer.run({
    onAssigned: () => assigned(),
    onRecords: async (_, records) => {
      seen.push(...records.map(({ value }) => String(value)));
    },
    onCrash: () => undefined,
  });
  await started;
  const turns = async (n: number): Promise<void> => {
    for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  consumer.start(place, 0n);
  await turns(5);
  expect(seen).toEqual(['a', 'b']);

  // The delivery of c is under way when the consumer is told to begin again.
  let release = (): void => undefined;
  hold = new Promise((resolve) => {
    release = resolve;
  });
  await send('c');
  await turns(5);
  consumer.start(place, 0n);
  release();
  await turns(10);
  expect(seen).toEqual(['a', 'b', 'a', 'b', 'c']);
  await transport.close();
});
