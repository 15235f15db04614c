import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { textOf } from '../../src/cli/verify.js';
import type { Config } from '../../src/config.js';
import type { Service } from '../../src/main.js';
import { Serde } from '../../src/serde/serde.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import type { OutgoingRecord } from '../../src/transport/transport.js';
import type { VerifyReport } from '../../src/verify/report.js';
import { verify } from '../../src/verify/verify.js';
import {
  atRest,
  createTopics,
  eventRecord,
  readAll,
  startService,
  testConfig,
  until,
} from '../support/service.js';

describe('what the topics show', () => {
  const serde = new Serde();
  let transport: MemoryTransport;
  let config: Config;
  let service: Service;

  beforeEach(async () => {
    transport = new MemoryTransport(new MemoryLog());
    config = testConfig();
    await createTopics(transport, config, 2);
    service = await startService(transport, config);
    await send([
      ...Array.from({ length: 60 }, (_, i) =>
        eventRecord(config.inputTopic, {
          userId: `u${i % 7}`,
          itemId: `i${(i * 5) % 17}`,
          domain: i % 3 === 0 ? 'films' : 'books',
        }),
      ),
      { topic: config.inputTopic, key: 'u1', value: Buffer.from('no event') },
    ]);
    await atRest(transport, config);
    await until(() => service.owedLists() === 0, 'no lists are owed');
  });

  afterEach(async () => {
    await service.close();
    await transport.close();
  });

  async function send(records: OutgoingRecord[]): Promise<void> {
    const producer = await transport.producer();
    await producer.send(records);
    await producer.close();
  }

  function look(): Promise<VerifyReport> {
    return verify({ config, transport, serde });
  }

  /** Writes the newest committed record of a topic once more, changed. */
  async function again(topic: string, change: (record: OutgoingRecord) => OutgoingRecord) {
    const newest = (await readAll(transport, topic)).at(-1)!;
    await send([change({ ...newest, partition: newest.partition })]);
  }

  test('holds for a service at rest, and its model is that of the log', async () => {
    await until(
      async () => (await service.model()).trainedEvents === 60,
      'all deltas are read back',
    );
    const replicas = [{ name: 'service', ...(await service.model()) }];
    const report = await verify({ config, transport, serde, replicas });
    expect(report).toMatchObject({
      ok: true,
      problems: [],
      inputOffsets: { gaps: 0, overlaps: 0, torn: 0, miscounted: 0 },
      trainedEvents: 60,
      sha256: { log: replicas[0]!.sha256, replicas: { service: replicas[0]!.sha256 } },
      users: { checked: 7, wrong: 0, moving: 0, owed: 0, overdue: 0 },
      deadLetters: { found: 1, missing: 0, unexpected: 0 },
    });
    expect(textOf(report)).toContain('All of it holds.');
  });

  test('does not hold where a replica has another model', async () => {
    const replicas = [{ name: 'service', ...(await service.model()), sha256: 'other' }];
    const report = await verify({ config, transport, serde, replicas });
    expect(report.ok).toBe(false);
    expect(report.problems.join()).toContain('service');
    expect(textOf(report)).toContain('It does not hold.');
  });

  test('does not hold where a delta is twice in the log', async () => {
    await again(config.modelDeltasTopic, (record) => {
      const delta = serde.deltas.decode(record.value);
      return { ...record, value: serde.deltas.encode({ ...delta, process: 'zombie' }) };
    });
    const report = await look();
    expect(report.ok).toBe(false);
    expect(report.inputOffsets.overlaps).toBe(1);
    expect(report.oracle?.accepted).toBe(60);
    expect(report.trainedEvents).toBeGreaterThan(60);
  });

  test('does not hold where a user has lost an event', async () => {
    await again(config.userStateTopic, (record) => {
      const { histories, ...state } = serde.userStates.decode(record.value);
      const shorter = histories.map((history) => ({ ...history, count: history.count - 1 }));
      return { ...record, value: serde.userStates.encode({ ...state, histories: shorter }) };
    });
    const report = await look();
    expect(report.users.wrong).toBe(1);
    expect(report.ok).toBe(false);
  });

  test('does not hold where a list answers an event a second time', async () => {
    await again(config.recommendationsTopic, (record) => record);
    const report = await look();
    expect(report.lists.notIncreasing).toBe(1);
    expect(report.ok).toBe(false);
  });

  test('does not hold where a list is owed although nothing else is to be done', async () => {
    await again(config.userStateTopic, (record) => {
      const state = serde.userStates.decode(record.value);
      return {
        ...record,
        value: serde.userStates.encode({ ...state, answeredOffset: state.answeredOffset - 1n }),
      };
    });
    const begin = performance.now();
    const report = await verify({ config, transport, serde, patienceMs: 100 });
    expect(performance.now() - begin).toBeGreaterThan(100);
    expect(report.users).toMatchObject({ wrong: 0, owed: 1, overdue: 1 });
    expect(report.problems.join()).toContain('owed lists although all input');
  });

  test('does not hold where a dead letter is there twice', async () => {
    await again(config.deadLetterTopic, (record) => record);
    const report = await look();
    expect(report.deadLetters).toMatchObject({ found: 2, unexpected: 1 });
    expect(report.ok).toBe(false);
  });

  test('does not wait for a transaction that a dead process left open', async () => {
    const producer = await transport.transactionalProducer('dead', 60_000);
    await producer.init();
    const transaction = await producer.begin();
    const value = Buffer.from('undecided');
    await transaction.send(
      [config.modelDeltasTopic, config.deadLetterTopic].map((topic) => ({
        topic,
        partition: 0,
        key: null,
        value,
      })),
    );
    expect((await look()).problems).toEqual([]);
  });
});
