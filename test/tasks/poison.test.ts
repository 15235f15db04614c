import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.js';
import { IsthmusError } from '../../src/errors.js';
import { Service } from '../../src/main.js';
import { Engine, type EngineInput, type EngineResult } from '../../src/online/engine.js';
import { Serde } from '../../src/serde/serde.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { noTracing } from '../../src/telemetry/tracing.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import type { LogRecord } from '../../src/transport/transport.js';
import { verify } from '../../src/verify/verify.js';
import {
  atRest,
  createTopics,
  eventRecord,
  readAll,
  readUsers,
  testConfig,
  until,
} from '../support/service.js';

const poisons = ['poison-throws', 'poison-nan', 'poison-infinite', 'poison-huge'];

/** An engine that some items make fail, in four ways. */
class DelicateEngine extends Engine {
  /** Whether whatever it is asked fails. */
  broken = false;

  override train(...[inputs, place, users]: Parameters<Engine['train']>): EngineResult {
    const result = super.train(inputs, place, users);
    const has = (itemId: string): boolean =>
      inputs.some(({ event }: EngineInput) => event.itemId === itemId);
    if (this.broken || has('poison-throws')) throw new Error('the learner chokes');
    const { accumulators, values } = result.delta.items;
    if (has('poison-nan')) accumulators[0] = Number.NaN;
    if (has('poison-infinite')) accumulators[1] = Number.POSITIVE_INFINITY;
    if (has('poison-huge')) values[0] = 1 << 30;
    return result;
  }
}

describe('an event that makes the learner fail', () => {
  let transport: MemoryTransport;
  let config: Config;
  let service: Service;
  let engine: DelicateEngine;

  beforeEach(async () => {
    transport = new MemoryTransport(new MemoryLog());
    config = testConfig({ ISTHMUS_MINI_BATCH: '32' });
    await createTopics(transport, config, 1);
    service = await Service.create({
      config,
      transport,
      logger: silentLogger,
      tracing: noTracing,
      http: false,
      engine: (parts) => {
        engine = new DelicateEngine(parts);
        return engine;
      },
    });
  });

  afterEach(async () => {
    await service.close();
    await transport.close();
  });

  async function send(itemIds: readonly string[]): Promise<void> {
    const producer = await transport.producer();
    await producer.send(
      itemIds.map((itemId, i) =>
        eventRecord(config.inputTopic, { userId: `u${i % 5}`, itemId, occurredAtMs: 1e12 + i }),
      ),
    );
    await producer.close();
  }

  function deadLetters(): Promise<LogRecord[]> {
    return readAll(transport, config.deadLetterTopic);
  }

  test('is a dead letter with the error, wherever it stands, and all others are learned', async () => {
    const items = Array.from({ length: 96 }, (_, i) => `i${i % 11}`);
    const at = [0, 13, 31, 32, 60, 61, 62, 95];
    for (const [k, offset] of at.entries()) items[offset] = poisons[k % poisons.length]!;
    await send(items);
    await service.start();
    await atRest(transport, config);
    const letters = await deadLetters();
    expect(letters.map(({ headers }) => Number(String(headers['isthmus.offset'])))).toEqual(at);
    for (const { headers } of letters) expect(String(headers['isthmus.reason'])).toBe('poison');
    expect(String(letters[0]!.headers['isthmus.detail'])).toContain('the learner chokes');
    expect(String(letters[1]!.headers['isthmus.detail'])).toContain('accumulator');
    expect(new Serde().events.decode(letters[0]!.value).itemId).toBe('poison-throws');
    await until(
      async () => (await service.model()).trainedEvents === 88,
      'all deltas are read back',
    );

    const replicas = [{ name: 'service', ...(await service.model()) }];
    const report = await verify({ config, transport, serde: new Serde(), replicas });
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ trainedEvents: 88, deadLetters: { poison: 8 } });
  });

  test('leaves no trace in its user, nor in the model', async () => {
    await send(['i1', 'poison-throws', 'poison-nan', 'i2']);
    await service.start();
    await atRest(transport, config);
    const users = await readUsers(transport, config);
    const items = [...users.values()].flatMap(({ histories }) =>
      histories.flatMap(({ entries }) => entries.map(({ itemId }) => itemId)),
    );
    expect(items).toEqual(['i1', 'i2']);
    expect(service.trainedEvents()).toBe(2);
  });

  test('can be the only one there is', async () => {
    await send(['poison-huge']);
    await service.start();
    await atRest(transport, config);
    expect(await deadLetters()).toHaveLength(1);
    expect(service.trainedEvents()).toBe(0);
    await send(['i1']);
    await until(() => service.trainedEvents() === 1, 'the stream goes on');
  });

  test('is not to blame where each of many does: the process stops, and nothing is set aside', async () => {
    engine.broken = true;
    await send(Array.from({ length: 40 }, (_, i) => `i${i}`));
    await service.start();
    await expect(service.ended).rejects.toThrow(IsthmusError);
    await expect(service.ended).rejects.toMatchObject({ code: 'LEARNER_FAILED' });
    expect(await deadLetters()).toEqual([]);
    const admin = await transport.admin();
    expect(await admin.committed(config.appId, config.inputTopic)).toEqual([null]);
    await admin.close();
  });
});
