import { describe, expect, test } from 'vitest';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { transportContract } from '../checks/transport-contract.js';
import { until } from '../support/service.js';

const log = new MemoryLog();

transportContract('memory', () => ({
  sessionTimeoutMs: 300,
  open: () => new MemoryTransport(log),
  crash: async (transport) => (transport as MemoryTransport).process.kill(),
}));

describe('faults of the memory transport', () => {
  const topic = 't';
  const record = { topic, key: 'k', value: Buffer.from('v') };

  async function producerOf(fault: (point: string) => void, log: MemoryLog) {
    const transport = new MemoryTransport(log, { fault });
    const producer = await transport.transactionalProducer('id', 10_000);
    await producer.init();
    return { transport, producer };
  }

  test.each([
    ['commit:before', [null]],
    ['commit:after', [5n]],
  ] as const)('at %s leave the outcome unknown until init settles it', async (point, committed) => {
    const log = new MemoryLog();
    log.createTopic({ topic, partitions: 1 });
    const { transport, producer } = await producerOf((at) => {
      if (at === point) throw new Error('lost');
    }, log);
    const transaction = await producer.begin();
    await transaction.send([record]);
    await transaction.sendOffsets('g', [{ topic, partition: 0, offset: 5n }]);
    await expect(transaction.commit()).rejects.toMatchObject({
      code: 'COMMIT_OUTCOME_UNKNOWN',
      disposition: 'retry',
    });
    await expect(producer.begin()).rejects.toMatchObject({ code: 'PRODUCER_NOT_READY' });
    await transaction.abort();
    await producer.init();
    const admin = await transport.admin();
    expect(await admin.committed('g', topic)).toEqual(committed);
  });

  test('in a send make the transaction abortable, and its commit impossible', async () => {
    const log = new MemoryLog();
    log.createTopic({ topic, partitions: 1 });
    let broken = true;
    const { producer } = await producerOf((at) => {
      if (at === 'send:after' && broken) throw new Error('lost');
    }, log);
    const transaction = await producer.begin();
    await expect(transaction.send([record])).rejects.toMatchObject({
      code: 'TRANSACTION_ABORTABLE',
    });
    await expect(transaction.commit()).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' });
    await transaction.abort();
    broken = false;
    const again = await producer.begin();
    await again.send([record]);
    await again.commit();
    expect(log.partition(topic, 0).read(0, 10, 1_000).records.length).toBe(1);
  });

  test('that kill a process stop it at that very point', async () => {
    const log = new MemoryLog();
    log.createTopic({ topic, partitions: 1 });
    const transport: MemoryTransport = new MemoryTransport(log, {
      fault: (point) => {
        if (point === 'commit:before') transport.process.kill();
      },
    });
    const producer = await transport.transactionalProducer('id', 10_000);
    await producer.init();
    const transaction = await producer.begin();
    await transaction.send([record]);
    let returned = false;
    transaction.commit().finally(() => {
      returned = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(returned).toBe(false);
    expect(log.transactions.isOpen('id')).toBe(true);
    const heir = new MemoryTransport(log);
    await (await heir.transactionalProducer('id', 10_000)).init();
    expect(log.transactions.isOpen('id')).toBe(false);
    expect(log.partition(topic, 0).read(0, 10, 1_000)).toEqual({ records: [], position: 2 });
  });

  test('that freeze a process put it out of its group, and thawing lets it join again', async () => {
    const log = new MemoryLog();
    log.createTopic({ topic, partitions: 1 });
    const transport = new MemoryTransport(log);
    const consumer = transport.groupConsumer({
      groupId: 'g',
      topics: [topic],
      sessionTimeoutMs: 20,
      maxWaitMs: 10,
      concurrency: 1,
    });
    let assignments = 0;
    await consumer.run({
      onAssigned: () => {
        assignments += 1;
      },
      onRecords: () => Promise.resolve(),
      onCrash: () => undefined,
    });
    await until(() => assignments > 0, 'it is in its group');
    transport.process.freeze();
    await until(() => log.group('g').size === 0, 'it is put out');
    const before = assignments;
    transport.process.thaw();
    await until(() => log.group('g').size === 1, 'it has joined again');
    await until(() => assignments > before, 'it is told what it has');
  });

  test('a transaction that outlives its timeout is aborted and its producer fenced', async () => {
    const log = new MemoryLog();
    log.createTopic({ topic, partitions: 1 });
    const transport = new MemoryTransport(log);
    const producer = await transport.transactionalProducer('id', 200);
    await producer.init();
    const transaction = await producer.begin();
    await transaction.send([record]);
    await until(() => !log.transactions.isOpen('id'), 'it is aborted');
    await expect(transaction.commit()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
  });

  test('records take their time from the clock of the log', async () => {
    const log = new MemoryLog({ clock: () => 42 });
    log.createTopic({ topic, partitions: 1 });
    await (await new MemoryTransport(log).producer()).send([record]);
    expect(log.partition(topic, 0).read(0, 1, 1).records[0]!.timestampMs).toBe(42);
  });
});
