import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.js';
import { repartitionGroup } from '../../src/repartition/step.js';
import { Serde } from '../../src/serde/serde.js';
import { type Fault, MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { partitionFor } from '../../src/transport/partitioner.js';
import { verify } from '../../src/verify/verify.js';
import {
  createTopics,
  eventRecord,
  readAll,
  startService,
  testConfig,
  until,
} from '../support/service.js';

const PARTITIONS = 3;

describe('an input that is not keyed by user', { timeout: 60_000 }, () => {
  let log: MemoryLog;
  let client: MemoryTransport;
  let config: Config;
  const open: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    log = new MemoryLog();
    client = new MemoryTransport(log);
    config = testConfig({ ISTHMUS_INPUT_TOPIC: 'clicks,orders', ISTHMUS_REPARTITION: 'true' });
    log.createTopic({ topic: 'orders', partitions: 5 });
    await createTopics(client, config, PARTITIONS);
  });

  afterEach(async () => {
    for (const part of open.splice(0)) await part.close();
    await client.close();
  });

  async function start(fault?: Fault) {
    const transport = new MemoryTransport(log, fault === undefined ? {} : { fault });
    const service = await startService(transport, config);
    open.push(service, transport);
    return { service, transport };
  }

  /** Events of all users in all partitions, whatever their users. */
  async function produce(count: number): Promise<void> {
    const producer = await client.producer();
    await producer.send(
      Array.from({ length: count }, (_, i) => ({
        ...eventRecord(i % 2 === 0 ? 'clicks' : 'orders', { userId: `u${i % 7}`, itemId: `i${i}` }),
        key: null,
        partition: i % 3,
        timestampMs: 1_700_000_000_000 + i,
        headers: { number: String(i) },
      })),
    );
    await producer.close();
  }

  async function taken(): Promise<void> {
    const admin = await client.admin();
    const group = repartitionGroup(config.appId);
    const allOf = async (topic: string): Promise<boolean> => {
      const marks = await admin.watermarks(topic);
      const committed = await admin.committed(group, topic);
      return marks.every(({ high }, p) => (committed[p] ?? 0n) === high);
    };
    await until(
      async () => (await allOf('clicks')) && (await allOf('orders')),
      'all input is copied',
    );
    await admin.close();
  }

  test('is copied by user, each event once, as it came and with its origin', async () => {
    const { service } = await start();
    await produce(120);
    await taken();
    const copies = await readAll(client, config.repartitionTopic);
    expect(copies).toHaveLength(120);
    const numbers = copies.map(({ headers }) => Number(String(headers.number)));
    expect(numbers.sort((a, b) => a - b)).toEqual([...Array(120).keys()]);
    const inputs = [...(await readAll(client, 'clicks')), ...(await readAll(client, 'orders'))];
    for (const copy of copies) {
      expect(copy.partition).toBe(partitionFor(copy.key!, PARTITIONS));
      const original = inputs.find(
        ({ headers }) => String(headers.number) === String(copy.headers.number),
      );
      expect(copy.value).toEqual(original!.value);
      expect(copy.timestampMs).toBe(original!.timestampMs);
      const origin = ['topic', 'partition', 'offset'].map((name) =>
        String(copy.headers[`isthmus.origin.${name}`]),
      );
      expect(origin).toEqual([
        original!.topic,
        String(original!.partition),
        String(original!.offset),
      ]);
    }
    await until(() => service.trainedEvents() === 120, 'all is trained');
    expect(service.tasks().map(({ topic }) => topic)).toEqual(
      expect.arrayContaining(['clicks', 'orders', config.repartitionTopic]),
    );
  });

  test.each(['send:after', 'offsets:after', 'commit:before', 'commit:after'] as const)(
    'is copied once where the process dies at %s',
    async (point) => {
      const doomed = await start((at, { transactionalId }) => {
        if (at === point && transactionalId?.includes('/repartition-') === true) {
          doomed.transport.process.kill();
        }
      });
      await produce(60);
      await until(() => doomed.transport.process.killed, 'it is dead');
      doomed.transport.expireSessions();
      open.splice(0);
      await start();
      await taken();
      const numbers = (await readAll(client, config.repartitionTopic)).map(({ headers }) =>
        Number(String(headers.number)),
      );
      expect(numbers.sort((a, b) => a - b)).toEqual([...Array(60).keys()]);
    },
  );

  test('has its dead letters named by their true origin', async () => {
    await start();
    const producer = await client.producer();
    await producer.send([
      { topic: 'orders', partition: 4, key: null, value: Buffer.from('no avro') },
    ]);
    await producer.close();
    await produce(6);
    await taken();
    const [letter, ...others] = await readAll(client, config.deadLetterTopic);
    expect(others).toEqual([]);
    expect(String(letter!.value)).toBe('no avro');
    expect(
      ['reason', 'topic', 'partition', 'offset'].map((name) =>
        String(letter!.headers[`isthmus.${name}`]),
      ),
    ).toEqual(['not-wire-format', 'orders', '4', '0']);
  });

  test('is seen through by verify: every original is copied once, or a dead letter', async () => {
    const { service } = await start();
    const producer = await client.producer();
    await producer.send([
      { topic: 'orders', partition: 4, key: null, value: Buffer.from('no avro') },
    ]);
    await produce(60);
    await taken();
    await until(() => service.trainedEvents() === 60, 'all is trained');
    const look = () => verify({ config, transport: client, serde: new Serde() });
    expect(await look()).toMatchObject({
      problems: [],
      deadLetters: { found: 1, missing: 0, unexpected: 0 },
      copies: { originals: 61, copies: 60, missing: 0, unexpected: 0, wrong: 0 },
    });
    // A dead letter that nothing in the input has led to.
    const letter = (await readAll(client, config.deadLetterTopic))[0]!;
    await producer.send([
      { ...letter, headers: { ...letter.headers, 'isthmus.offset': Buffer.from('7') } },
    ]);
    await producer.close();
    expect((await look()).deadLetters).toMatchObject({ found: 2, missing: 0, unexpected: 1 });
  });

  test('by pattern includes topics that are made later', async () => {
    config = testConfig({
      ISTHMUS_INPUT_TOPIC: '/(clicks|orders|shop-.+)/',
      ISTHMUS_REPARTITION: 'true',
    });
    await createTopics(client, config, PARTITIONS);
    const { service } = await start();
    await until(() => service.readiness().ok, 'it is ready');
    log.createTopic({ topic: 'shop-nord', partitions: 1 });
    const producer = await client.producer();
    await producer.send([eventRecord('shop-nord', { userId: 'u1' })]);
    await producer.close();
    await until(() => service.trainedEvents() === 1, 'the event of the new topic is trained');
  });
});
