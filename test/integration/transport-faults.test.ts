import { setTimeout as sleep } from 'node:timers/promises';
import { type ISocketFactory, Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { EmbeddedKafka } from '../../src/broker/embedded.js';
import { KafkaTransport } from '../../src/transport/kafka/index.js';
import type { LogRecord } from '../../src/transport/transport.js';
import { Network } from './support/network.js';
import { CREATE_TOPICS, FIND_COORDINATOR, TXN_OFFSET_COMMIT, Wire } from './support/wire.js';

const INVALID_REPLICATION_FACTOR = 38;

let kafka: EmbeddedKafka;
const opened: KafkaTransport[] = [];
let count = 0;

beforeAll(async () => {
  kafka = await EmbeddedKafka.start();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});

afterAll(async () => {
  await kafka?.stop();
});

function open(
  options: { network?: { factory: ISocketFactory }; deliveryTimeoutMs?: number } = {},
): KafkaTransport {
  const transport = new KafkaTransport({
    brokers: [kafka.bootstrap],
    clientId: 'faults',
    ...(options.network === undefined ? {} : { socketFactory: options.network.factory }),
    ...(options.deliveryTimeoutMs === undefined
      ? {}
      : { deliveryTimeoutMs: options.deliveryTimeoutMs }),
  });
  opened.push(transport);
  return transport;
}

async function topicOf(transport: KafkaTransport, partitions = 1): Promise<string> {
  count += 1;
  const topic = `faults-${count}`;
  await (await transport.admin()).createTopics([{ topic, partitions }]);
  return topic;
}

function text(topic: string, value: string) {
  return { topic, key: null, value: Buffer.from(value) };
}

async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so after ${timeoutMs} ms: ${condition}`);
    await sleep(20);
  }
}

test('a broker that is killed and comes back is met by everybody: nothing is lost or doubled', async () => {
  const transport = open();
  const topic = await topicOf(transport);
  const place = { topic, partition: 0 };
  const inGroup: LogRecord[] = [];
  const connections: boolean[] = [];
  const consumer = transport.groupConsumer({
    groupId: `g-${topic}`,
    topics: [topic],
    sessionTimeoutMs: 6_000,
    maxWaitMs: 100,
    concurrency: 1,
  });
  const fail = (error: Error): void => {
    throw error;
  };
  let position = 0n;
  await consumer.run({
    onAssigned: (partitions) => {
      for (const partition of partitions) consumer.start(partition, position);
    },
    onRecords: async (_partition, records) => {
      for (const record of records) {
        if (record.offset >= position) inGroup.push(record);
      }
      position = records.at(-1)!.offset + 1n;
    },
    onCrash: fail,
    onConnection: (connected) => connections.push(connected),
  });
  const reader = transport.reader([topic], fail);
  await reader.run();
  const read: LogRecord[] = [];
  reader.follow(place, 0n, { onRecords: (records) => void read.push(...records) });
  const producer = await transport.transactionalProducer(`id-${topic}`, 30_000);
  await producer.init();
  const values = Array.from({ length: 8 }, (_, i) => `v${i}`);
  for (const [index, value] of values.entries()) {
    if (index === 3) {
      await kafka.kill();
      await sleep(1_000);
      void kafka.restart();
    }
    for (;;) {
      const admin = await transport.admin();
      try {
        const transaction = await producer.begin();
        await transaction.send([text(topic, value)]);
        await transaction.sendOffsets(`h-${topic}`, [{ ...place, offset: BigInt(index + 1) }]);
        await transaction.commit();
        break;
      } catch (error) {
        expect(error).toMatchObject({ disposition: 'retry' });
        await sleep(200);
        await producer.init().catch(() => undefined);
        const committed = await admin.committed(`h-${topic}`, topic).catch(() => null);
        if (committed?.[0] === BigInt(index + 1)) break;
      } finally {
        await admin.close();
      }
    }
  }
  await until(() => inGroup.length >= values.length && read.length >= values.length);
  expect(inGroup.map(({ value }) => value!.toString())).toEqual(values);
  expect(read.map(({ value }) => value!.toString())).toEqual(values);
  await until(() => connections.at(-1) === true);
  expect(connections).toContain(false);
}, 90_000);

test('a commit whose answer is lost is settled by init, and the committed offsets tell how', async () => {
  const network = new Network();
  const outside = open();
  const topic = await topicOf(outside);
  const cut = open({ network, deliveryTimeoutMs: 2_000 });
  const producer = await cut.transactionalProducer(`id-${topic}`, 30_000);
  await producer.init();
  const transaction = await producer.begin();
  await transaction.send([text(topic, 'perhaps')]);
  await transaction.sendOffsets(`g-${topic}`, [{ topic, partition: 0, offset: 1n }]);
  network.cut();
  await expect(transaction.commit()).rejects.toMatchObject({ code: 'COMMIT_OUTCOME_UNKNOWN' });
  await expect(producer.begin()).rejects.toMatchObject({ code: 'PRODUCER_NOT_READY' });
  await transaction.abort();
  network.mend();
  await producer.init();
  const admin = await outside.admin();
  const [committed] = await admin.committed(`g-${topic}`, topic);
  const [mark] = await admin.watermarks(topic);
  const seen: LogRecord[] = [];
  let position = 0n;
  const reader = outside.reader([topic], () => undefined);
  await reader.run();
  reader.follow({ topic, partition: 0 }, 0n, {
    onRecords: (records, next) => {
      seen.push(...records);
      position = next;
    },
  });
  await until(() => position === mark!.high);
  expect(seen.length).toBe(committed === 1n ? 1 : 0);
  const again = await producer.begin();
  await again.send([text(topic, 'surely')]);
  await again.commit();
});

test('a send that fails for good makes the transaction abortable; the next one is not mistaken for it', async () => {
  const network = new Network();
  const outside = open();
  const topic = await topicOf(outside);
  const cut = open({ network, deliveryTimeoutMs: 2_000 });
  const producer = await cut.transactionalProducer(`id-${topic}`, 30_000);
  await producer.init();
  const lost = await producer.begin();
  await lost.send([text(topic, 'a')]);
  network.cut();
  await expect(lost.send([text(topic, 'b')])).rejects.toMatchObject({
    code: 'TRANSACTION_ABORTABLE',
  });
  await expect(lost.commit()).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' });
  network.mend();
  await lost.abort();
  const kept = await producer.begin();
  await kept.send([text(topic, 'c'), text(topic, 'd')]);
  await kept.commit();
  const seen: LogRecord[] = [];
  const reader = outside.reader([topic], () => undefined);
  await reader.run();
  reader.follow({ topic, partition: 0 }, 0n, {
    onRecords: (records) => void seen.push(...records),
  });
  await until(() => seen.length >= 2);
  expect(seen.map(({ value }) => value!.toString())).toEqual(['c', 'd']);
});

test('a record that is too large is refused by name, and the producer goes on', async () => {
  const transport = open();
  const topic = await topicOf(transport);
  const producer = await transport.transactionalProducer(`id-${topic}`, 30_000);
  await producer.init();
  const transaction = await producer.begin();
  const large = { topic, key: null, value: Buffer.alloc(1_500_000) };
  await expect(transaction.send([large])).rejects.toMatchObject({
    code: 'RECORD_TOO_LARGE',
    place: { topic, partition: 0 },
  });
  await transaction.abort();
  const next = await producer.begin();
  await next.send([text(topic, 'small')]);
  await next.commit();
});

test('coordinators are asked for once, and again where one says that it is none any more', async () => {
  const NOT_COORDINATOR = 16;
  const wire = await Wire.open(kafka.port);
  try {
    const topic = await topicOf(open());
    const producer = await open({ network: wire }).transactionalProducer(`t-${topic}`, 60_000);
    await producer.init();
    const searched = async (offset: bigint): Promise<number> => {
      const before = wire.requests.length;
      const transaction = await producer.begin();
      await Promise.all([
        transaction.send([text(topic, `${offset}`)]),
        transaction.sendOffsets(`g-${topic}`, [{ topic, partition: 0, offset }]),
      ]);
      await transaction.commit();
      return wire.requests.slice(before).filter((key) => key === FIND_COORDINATOR).length;
    };
    expect(await searched(1n)).toBeGreaterThan(0);
    expect(await searched(2n)).toBe(0);
    wire.plant(TXN_OFFSET_COMMIT, NOT_COORDINATOR, 1);
    expect(await searched(3n)).toBeGreaterThan(0);
    expect(wire.changed).toBe(1);
    const admin = await open().admin();
    expect(await admin.committed(`g-${topic}`, topic)).toEqual([3n]);
  } finally {
    await wire.close();
  }
});

test('a transaction that outlives its timeout fences its producer', async () => {
  const transport = open();
  const topic = await topicOf(transport);
  const producer = await transport.transactionalProducer(`id-${topic}`, 2_000);
  await producer.init();
  const transaction = await producer.begin();
  await transaction.send([text(topic, 'late')]);
  // The embedded broker looks for expired transactions every second, and aborts this one.
  const admin = await transport.admin();
  await until(async () => (await admin.lastStable(topic))[0] === 2n);
  await expect(transaction.commit()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
});

test('a member that closes while its join waits for another one leaves the group at once', async () => {
  const transport = open();
  const topic = await topicOf(transport, 3);
  const groupId = `group-${topic}`;
  const admin = new Kafka({ brokers: [kafka.bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const becomes = async (state: string, members: number) => {
    const group = async () => (await admin.describeGroups([groupId])).groups[0]!;
    await expect
      .poll(async () => ({ ...(await group()), count: (await group()).members.length }), {
        timeout: 30_000,
      })
      .toMatchObject({ state, count: members });
  };
  const member = async (heartbeatIntervalMs: number) => {
    // How large the group was each time that it dealt the partitions, and how often it was joined.
    const seen = { sizes: [] as number[], joins: 0 };
    const consumer = transport.groupConsumer({
      groupId,
      topics: [topic],
      // Longer than the test: who does not beat keeps the others waiting until its end.
      sessionTimeoutMs: 120_000,
      maxWaitMs: 50,
      concurrency: 1,
      heartbeatIntervalMs,
      claim: () => {
        seen.joins += 1;
        return { data: '', warm: [] };
      },
    });
    await consumer.run({
      onAssigned: (_partitions, members) => void seen.sizes.push(members.length),
      onRecords: async () => undefined,
      onCrash: () => undefined,
    });
    return { consumer, seen };
  };
  const leaver = await member(50);
  await until(() => leaver.seen.sizes.at(-1) === 1);
  const silent = await member(120_000);
  // Both have their partitions: before, the silent one would still hear of the next rebalance.
  await until(() => leaver.seen.sizes.at(-1) === 2 && silent.seen.sizes.at(-1) === 2);
  const [leaverJoins, silentJoins] = [leaver.seen.joins, silent.seen.joins];
  await member(50);
  await until(() => leaver.seen.joins > leaverJoins);
  // For its join to reach the coordinator, and wait there for the silent one.
  await sleep(200);
  await becomes('PreparingRebalance', 3);
  await leaver.consumer.close();
  await becomes('PreparingRebalance', 2);
  expect(silent.seen.joins).toBe(silentJoins);
  await admin.disconnect();
});

test('brokers that take no replicas for a moment are waited for; more replicas than brokers are refused', async () => {
  const wire = await Wire.open(kafka.port);
  const transport = open({ network: wire });
  const admin = await transport.admin();
  wire.plant(CREATE_TOPICS, INVALID_REPLICATION_FACTOR, 1);
  await admin.createTopics([{ topic: 'patient', partitions: 1 }]);
  expect(wire.changed).toBe(1);
  expect(await admin.listTopics(['patient'])).toHaveLength(1);
  await expect(
    admin.createTopics([{ topic: 'wide', partitions: 1, replicationFactor: 3 }]),
  ).rejects.toMatchObject({ code: 'ADMIN_FAILED', message: expect.stringContaining('wide') });
  await admin.close();
  await wire.close();
});

test('where no broker is, admin calls say so by address and in bounded time; a consumer keeps trying', async () => {
  const transport = new KafkaTransport({
    brokers: ['127.0.0.1:1'],
    clientId: 'nobody',
    adminTimeoutMs: 500,
  });
  opened.push(transport);
  const start = performance.now();
  await expect((await transport.admin()).listTopics()).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringContaining('127.0.0.1:1'),
  });
  // Bounded: kafkajs alone would try for minutes.
  expect(performance.now() - start).toBeLessThan(2_000);
  const connections: boolean[] = [];
  const consumer = transport.groupConsumer({
    groupId: 'g',
    topics: ['t'],
    sessionTimeoutMs: 6_000,
    maxWaitMs: 50,
    concurrency: 1,
  });
  const running = consumer.run({
    onAssigned: () => undefined,
    onRecords: () => Promise.resolve(),
    onCrash: () => undefined,
    onConnection: (connected) => connections.push(connected),
  });
  await until(() => connections.length > 0);
  expect(connections).toEqual([false]);
  await consumer.close();
  await running;
});
