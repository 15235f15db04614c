import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { compressions } from '../../src/transport/kafka/compression.js';
import { type Compression, KafkaTransport } from '../../src/transport/kafka/index.js';
import { readAll } from '../support/service.js';
import { javaClient } from './support/java-client.js';

const brokers = [inject('kafkaBrokers')];
const run = `compression-${Date.now()}`;
const ours = (compression: Compression): string => `${run}.ours.${compression}`;
const theirs = (compression: Compression): string => `${run}.theirs.${compression}`;

const count = 3_000;
const expected = (topic: string): string[] =>
  Array.from({ length: count }, (_, i) => `${topic} ${i} key-${i} value-${i}`);

const transports = new Map<Compression, KafkaTransport>();
let printed: string[] = [];

async function write(compression: Compression): Promise<void> {
  const producer = await transports.get(compression)!.producer();
  const records = Array.from({ length: count }, (_, i) => ({
    topic: ours(compression),
    key: `key-${i}`,
    value: Buffer.from(`value-${i}`),
  }));
  await producer.send(records);
  await producer.close();
}

async function read(compression: Compression, topic: string): Promise<string[]> {
  const records = await readAll(transports.get(compression)!, topic);
  return records.map(({ offset, key, value }) => `${topic} ${offset} ${key} ${value}`);
}

beforeAll(async () => {
  for (const compression of compressions) {
    transports.set(compression, new KafkaTransport({ brokers, clientId: 'test', compression }));
  }
  const admin = await transports.get('none')!.admin();
  const topics = compressions.flatMap((compression) => [ours(compression), theirs(compression)]);
  // The broker keeps batches as they were sent.
  const config = { 'compression.type': 'producer' };
  await admin.createTopics(topics.map((topic) => ({ topic, partitions: 1, config })));
  await admin.close();
  await Promise.all(compressions.map(write));
  // One JVM for all: it takes two seconds to start.
  printed = await javaClient([
    brokers[0]!,
    String(count),
    ...compressions.map((compression) => `read:${ours(compression)}`),
    ...compressions.map((compression) => `write:${theirs(compression)}:${compression}`),
  ]);
});

afterAll(async () => {
  await Promise.all([...transports.values()].map((transport) => transport.close()));
});

test.each(compressions)(
  '%s: what we write is read by us and by the Java client',
  async (compression) => {
    const topic = ours(compression);
    expect(await read(compression, topic)).toEqual(expected(topic));
    expect(printed.filter((line) => line.startsWith(`${topic} `))).toEqual(expected(topic));
  },
);

test.each(compressions)('%s: what the Java client writes is read by us', async (compression) => {
  expect(await read(compression, theirs(compression))).toEqual(expected(theirs(compression)));
});
