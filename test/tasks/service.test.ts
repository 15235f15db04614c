import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.js';
import type { Service } from '../../src/main.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import {
  atRest,
  createTopics,
  eventRecord,
  readAll,
  readLists,
  readUsers,
  startService,
  testConfig,
  until,
} from '../support/service.js';

describe('the service over the log in memory', () => {
  let transport: MemoryTransport;
  let log: MemoryLog;
  let config: Config;
  const services: Service[] = [];

  beforeEach(async () => {
    log = new MemoryLog();
    transport = new MemoryTransport(log);
    config = testConfig({ ISTHMUS_PREQUENTIAL_SAMPLE: '1' });
    await createTopics(transport, config, 2);
  });

  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
    await transport.close();
  });

  async function run(): Promise<Service> {
    const service = await startService(transport, config);
    services.push(service);
    return service;
  }

  async function produce(count: number, from = 0): Promise<void> {
    const producer = await transport.producer();
    await producer.send(
      Array.from({ length: count }, (_, k) => {
        const i = from + k;
        return eventRecord(config.inputTopic, {
          userId: `u${i % 7}`,
          itemId: `i${(i * 5) % 97}`,
          domain: i % 3 === 0 ? 'films' : 'books',
          occurredAtMs: 1_700_000_000_000 + i * 1000,
        });
      }),
    );
    await producer.close();
  }

  test('answers each user last on the basis of their last event, in strictly increasing order', async () => {
    await run();
    await produce(200);
    await atRest(transport, config);
    const input = await readAll(transport, config.inputTopic);
    const lists = await readLists(transport, config);
    expect(lists.length).toBeGreaterThan(0);
    const newest = new Map<string, bigint>();
    for (const list of lists) {
      const key = `${list.userId}/${list.domain}`;
      expect(list.basedOn.offset > (newest.get(key) ?? -1n)).toBe(true);
      newest.set(key, list.basedOn.offset);
    }
    const last = new Map(input.map((record) => [String(record.key), record.offset]));
    for (const [key, offset] of newest) expect(offset).toBe(last.get(key.split('/')[0]!));
  });

  test('tells how much memory each table of the model holds', async () => {
    const service = await run();
    const bytes = () => new Map(service.tableBytes().map((row) => [row.table, row.bytes]));
    const empty = bytes();
    expect([...empty.keys()]).toEqual(['items', 'blocks', 'content', 'neighbours']);
    await produce(200);
    await atRest(transport, config);
    for (const table of ['blocks', 'neighbours']) {
      expect(bytes().get(table), table).toBeGreaterThan(empty.get(table)!);
    }
    // Two numbers for each pair of items that were seen together, at the very least.
    expect(bytes().get('neighbours')).toBeGreaterThan(97 * 2 * 4);
  });

  test('a restart goes on from the last commit with the state of before', async () => {
    const first = await run();
    await produce(100);
    await atRest(transport, config);
    await until(() => first.deltaOffsets().length === 2, 'deltas are followed');
    const before = await readUsers(transport, config);
    await first.close();
    services.splice(0);

    const second = await run();
    await until(() => second.readiness().ok, 'the second service is ready');
    expect(second.trainedEvents()).toBe(100);
    expect(second.users()).toBe(7);
    await produce(50, 100);
    await atRest(transport, config);
    await until(() => second.trainedEvents() === 150, 'all is trained');
    const after = await readUsers(transport, config);
    for (const [userId, state] of before) {
      const counts = (s: typeof state) => s.histories.reduce((sum, h) => sum + h.count, 0);
      expect(counts(after.get(userId)!)).toBeGreaterThan(counts(state));
    }
  });

  test('what cannot be used goes to the dead letters with reason, origin and raw bytes', async () => {
    await run();
    const producer = await transport.producer();
    await producer.send([
      { topic: config.inputTopic, partition: 1, key: 'u', value: Buffer.from('no avro') },
      eventRecord(config.inputTopic, { userId: 'u', itemId: '' }),
    ]);
    await produce(10);
    await atRest(transport, config);
    const dead = await readAll(transport, config.deadLetterTopic);
    expect(dead.map((record) => String(record.headers['isthmus.reason'])).sort()).toEqual([
      'empty-item-id',
      'not-wire-format',
    ]);
    const raw = dead.find((record) => String(record.value) === 'no avro');
    expect(String(raw?.headers['isthmus.topic'])).toBe(config.inputTopic);
    expect(String(raw?.headers['isthmus.partition'])).toBe('1');
  });
});
