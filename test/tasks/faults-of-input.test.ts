import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.js';
import { type DiagnosticEvents, type DiagnosticName, subscribe } from '../../src/diagnostics.js';
import { Service } from '../../src/main.js';
import { startOffset } from '../../src/tasks/start-offset.js';
import type { LogFields, Logger } from '../../src/telemetry/logger.js';
import { noTracing } from '../../src/telemetry/tracing.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { partitionFor } from '../../src/transport/partitioner.js';
import { produceEvents } from '../support/replicas.js';
import {
  atRest,
  createTopics,
  eventRecord,
  readAll,
  readLists,
  testConfig,
  until,
} from '../support/service.js';

const place = { topic: 'clicks', partition: 2 };

describe('the offset from which a task begins', () => {
  const log = { low: 25n, high: 40n };

  test('is the committed one, or the beginning where there is none', () => {
    expect(startOffset(place, 30n, log, 'stop')).toEqual({ offset: 30n, reset: null });
    expect(startOffset(place, 40n, log, 'stop')).toEqual({ offset: 40n, reset: null });
    expect(startOffset(place, null, log, 'stop')).toEqual({ offset: 25n, reset: null });
  });

  test.each([
    ['earliest', 10n, 25n, 15n],
    ['latest', 10n, 40n, 30n],
    ['earliest', 50n, 25n, 0n],
    ['latest', 50n, 40n, 0n],
  ] as const)(
    'where it is not in the log is, by %s, that of the log: %s',
    (policy, committed, offset, skipped) => {
      expect(startOffset(place, committed, log, policy)).toEqual({
        offset,
        reset: { committed, skipped },
      });
    },
  );

  test('where it is not in the log stops the process, which says all that one needs to know', () => {
    for (const word of ['clicks/2', '10', '25', 'ISTHMUS_OFFSET_RESET', 'earliest', 'latest']) {
      expect(() => startOffset(place, 10n, log, 'stop')).toThrow(
        expect.objectContaining({
          code: 'INPUT_OFFSET_OUT_OF_RANGE',
          disposition: 'fatal',
          message: expect.stringContaining(word),
        }),
      );
    }
  });
});

describe('a service whose input', { timeout: 60_000 }, () => {
  let log: MemoryLog;
  let transport: MemoryTransport;
  let config: Config;
  let warnings: { message: string; fields: LogFields | undefined }[];
  let services: Service[];
  let unsubscribes: (() => void)[];

  beforeEach(async () => {
    log = new MemoryLog();
    transport = new MemoryTransport(log);
    config = testConfig();
    warnings = [];
    services = [];
    unsubscribes = [];
    await createTopics(transport, config, 2);
  });

  afterEach(async () => {
    for (const unsubscribe of unsubscribes) unsubscribe();
    await Promise.all(services.map((service) => service.close()));
    await transport.close();
  });

  const logger: Logger = {
    debug() {},
    info() {},
    warn: (message, fields) => void warnings.push({ message, fields }),
    error() {},
    child: () => logger,
  };

  async function run(env: Record<string, string> = {}): Promise<Service> {
    const service = await Service.create({
      config: testConfig(env),
      transport,
      logger,
      tracing: noTracing,
    });
    services.push(service);
    await service.start();
    return service;
  }

  function heard<N extends DiagnosticName>(name: N): DiagnosticEvents[N][] {
    const events: DiagnosticEvents[N][] = [];
    unsubscribes.push(subscribe(name, (event) => events.push(event)));
    return events;
  }

  async function deleteAllInput(): Promise<void> {
    const admin = await transport.admin();
    const marks = await admin.watermarks(config.inputTopic);
    await admin.deleteRecords(config.inputTopic, new Map(marks.map(({ high }, p) => [p, high])));
    await admin.close();
  }

  /** 40 events that are learned, then 20 that retention deletes before anybody comes. */
  async function loseRecords(): Promise<void> {
    const service = await run();
    await produceEvents(transport, config.inputTopic, 40);
    await atRest(transport, config);
    await service.close();
    await produceEvents(transport, config.inputTopic, 20);
    await deleteAllInput();
  }

  test('was deleted before it was learned stops, and says why', async () => {
    await loseRecords();
    const service = await run();
    await expect(service.ended).rejects.toMatchObject({ code: 'INPUT_OFFSET_OUT_OF_RANGE' });
  });

  test.each(['earliest', 'latest'] as const)(
    'was deleted before it was learned goes on by %s, with a warning and a count',
    async (policy) => {
      await loseRecords();
      const resets = heard('isthmus:offset-reset');
      const service = await run({ ISTHMUS_OFFSET_RESET: policy });
      await until(() => service.readiness().ok, 'it runs');
      await produceEvents(transport, config.inputTopic, 10);
      await until(() => service.trainedEvents() === 50, 'what comes is learned');
      expect(resets.reduce((sum, { skipped }) => sum + skipped, 0)).toBe(20);
      expect(warnings.map(({ message }) => message).join()).toContain('ISTHMUS_OFFSET_RESET');
    },
  );

  test('is deleted under a task that has fallen behind is treated alike', async () => {
    let late = false;
    await transport.close();
    transport = new MemoryTransport(log, {
      fault: (point) => (late && point === 'deliver' ? new Promise(() => undefined) : undefined),
    });
    const resets = heard('isthmus:offset-reset');
    const service = await run({ ISTHMUS_OFFSET_RESET: 'earliest' });
    await until(() => service.readiness().ok, 'it runs');
    await produceEvents(transport, config.inputTopic, 10);
    await atRest(transport, config);
    late = true;
    await produceEvents(transport, config.inputTopic, 20);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await deleteAllInput();
    late = false;
    // Its fetch is stuck with records that are gone; a rebalance makes it fetch again.
    const other = await run({ ISTHMUS_OFFSET_RESET: 'earliest' });
    await until(() => other.readiness().ok && service.readiness().ok, 'both run');
    await produceEvents(transport, config.inputTopic, 10);
    await until(() => service.trainedEvents() === 20, 'what comes later is learned');
    expect(resets.reduce((sum, { skipped }) => sum + skipped, 0)).toBe(20);
  });

  test('is not keyed by user counts what is out of place, and warns once, with the setting', async () => {
    const misplaced = heard('isthmus:misplaced');
    await run();
    const producer = await transport.producer();
    await producer.send(
      Array.from({ length: 40 }, (_, i) => ({
        ...eventRecord(config.inputTopic, { userId: `u${i}` }),
        partition: i % 2,
      })),
    );
    await atRest(transport, config);
    const expected = Array.from({ length: 40 }, (_, i) => i).filter(
      (i) => partitionFor(`u${i}`, 2) !== i % 2,
    );
    await until(
      () => misplaced.reduce((sum, { count }) => sum + count, 0) === expected.length,
      'all of them are counted',
    );
    const told = warnings.filter(({ message }) => message.includes('ISTHMUS_REPARTITION=true'));
    expect(told).toHaveLength(1);
  });

  test('makes lists that do not fit has dead letters for these, and goes on', async () => {
    const long = 'x'.repeat(250);
    await run({ ISTHMUS_MAX_RECORD_BYTES: '4096', ISTHMUS_TOP_N: '50' });
    const producer = await transport.producer();
    await producer.send(
      Array.from({ length: 60 }, (_, i) =>
        eventRecord(config.inputTopic, { userId: `u${i % 3}`, itemId: `${long}${i}` }),
      ),
    );
    await atRest(transport, config);
    const dead = await readAll(transport, config.deadLetterTopic);
    const reasons = new Set(dead.map(({ headers }) => String(headers['isthmus.reason'])));
    expect([...reasons]).toEqual(['list-too-large']);
    expect(String(dead[0]!.headers['isthmus.topic'])).toBe(config.inputTopic);
    for (const list of await readLists(transport, config)) {
      expect(list.items.length).toBeLessThan(20);
    }
  });
});
