import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { EmbeddedKafka } from '../../src/broker/embedded.js';
import type { Config } from '../../src/config.js';
import { Service } from '../../src/main.js';
import { Serde } from '../../src/serde/serde.js';
import type { Logger } from '../../src/telemetry/logger.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { noTracing } from '../../src/telemetry/tracing.js';
import { applicationTopics } from '../../src/topics.js';
import { KafkaTransport } from '../../src/transport/kafka/index.js';
import { verify } from '../../src/verify/verify.js';
import { eventRecord, readAll, testConfig, until } from '../support/service.js';
import { STEADY } from './support/steady.js';
import { ADD_PARTITIONS, PRODUCE, TXN_OFFSET_COMMIT, Wire } from './support/wire.js';

const KAFKA_STORAGE_ERROR = 56;
const INVALID_PRODUCER_ID_MAPPING = 49;
const NOT_ENOUGH_REPLICAS = 19;
const LEADER_NOT_AVAILABLE = 5;
const NOT_LEADER_FOR_PARTITION = 6;
const COORDINATOR_LOADING = 14;
/** After so long a producer without work is forgotten: longer than slow answers take. */
const FORGOTTEN_MS = 4_000;
const serde = new Serde();

let kafka: EmbeddedKafka;
let outside: KafkaTransport;
let apps = 0;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  kafka = await EmbeddedKafka.start({
    properties: () => ({
      ...STEADY,
      // A producer that is idle for longer is forgotten.
      'transactional.id.expiration.ms': FORGOTTEN_MS,
      'transaction.remove.expired.transaction.cleanup.interval.ms': 200,
      'producer.id.expiration.ms': FORGOTTEN_MS,
      'producer.id.expiration.check.interval.ms': 200,
    }),
  });
  outside = new KafkaTransport({ brokers: [kafka.bootstrap], clientId: 'outside' });
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

afterAll(async () => {
  await outside?.close();
  await kafka?.stop();
});

/** A service of its own topics, whose connections go through a wire. */
async function start(
  env: Record<string, string>,
  small: { readonly topics: RegExp; readonly bytes: number } = { topics: /^$/, bytes: 0 },
) {
  const app = env.ISTHMUS_APP_ID ?? `faults-${++apps}`;
  const config = testConfig({
    ISTHMUS_TRANSPORT: 'kafka',
    KAFKA_BROKERS: kafka.bootstrap,
    ISTHMUS_APP_ID: app,
    ISTHMUS_INPUT_TOPIC: `${app}.events`,
    ISTHMUS_ITEMS_TOPIC: `${app}.items`,
    ISTHMUS_RECOMMENDATIONS_TOPIC: `${app}.lists`,
    ISTHMUS_DLQ_TOPIC: `${app}.dlq`,
    ISTHMUS_SESSION_TIMEOUT_MS: '3000',
    ...env,
  });
  const admin = await outside.admin();
  await admin.createTopics(
    applicationTopics(config, 1).map((spec) => ({
      ...spec,
      config: small.topics.test(spec.topic)
        ? { ...spec.config, 'max.message.bytes': String(small.bytes) }
        : (spec.config ?? {}),
    })),
  );
  closing.push(() => admin.close());
  const wire = await Wire.open(kafka.port);
  closing.push(() => wire.close());
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (message, fields) => {
      const words = [message];
      for (let error = fields?.error; error instanceof Error; error = error.cause) {
        words.push('type' in error ? String(error.type) : '', error.message);
      }
      warnings.push(words.join(' '));
    },
    child: () => logger,
  };
  const transport = new KafkaTransport({
    brokers: [kafka.bootstrap],
    clientId: app,
    socketFactory: wire.factory,
    deliveryTimeoutMs: 1_500,
    maxBatchBytes: config.maxRecordBytes,
  });
  closing.push(() => transport.close());
  const service = await Service.create({ config, transport, logger, tracing: noTracing });
  closing.push(() => service.close());
  await service.start();
  const committed = async (): Promise<bigint> =>
    (await admin.committed(app, config.inputTopic))[0] ?? 0n;
  return { config, wire, service, warnings, admin, committed };
}

async function produce(
  config: Config,
  first: number,
  count: number,
  itemId = (i: number) => `i${i % 7}`,
) {
  const producer = await outside.producer();
  await producer.send(
    Array.from({ length: count }, (_, k) =>
      eventRecord(config.inputTopic, {
        userId: `u${(first + k) % 5}`,
        itemId: itemId(first + k),
        eventId: `e${first + k}`,
        occurredAtMs: 1_700_000_000_000 + (first + k) * 60_000,
      }),
    ),
  );
  await producer.close();
}

async function expectExactlyOnce(config: Config, trainedEvents: number): Promise<void> {
  const report = await verify({ config, transport: outside, serde });
  expect(report.problems).toEqual([]);
  expect(report.trainedEvents).toBe(trainedEvents);
  expect(report.oracle?.accepted).toBe(trainedEvents);
}

describe('a service goes on by itself, and counts each event once', { timeout: 240_000 }, () => {
  test('where the broker has forgotten its producer while it had nothing to do', async () => {
    const { config, committed, warnings } = await start({});
    let sent = 0;
    const forgotten = (): boolean =>
      warnings.some((warning) => warning.includes('INVALID_PRODUCER_ID_MAPPING'));
    const deadline = performance.now() + 60_000;
    // Until it meets the broker's answer: how soon an idle one is forgotten is the broker's affair.
    while (!forgotten() || (await committed()) < BigInt(sent)) {
      if (performance.now() > deadline) throw new Error(`not forgotten: ${warnings.join('\n')}`);
      await produce(config, sent, 10);
      sent += 10;
      await until(async () => (await committed()) >= BigInt(sent), 'it is committed', 60_000);
      if (!forgotten()) await new Promise((resolve) => setTimeout(resolve, FORGOTTEN_MS + 1_000));
    }
    await expectExactlyOnce(config, sent);
  });

  test('where the broker says so in mid-stream', async () => {
    const { config, committed, wire, warnings } = await start({});
    await produce(config, 0, 20);
    await until(async () => (await committed()) === 20n, 'it is committed', 60_000);
    wire.plant(ADD_PARTITIONS, INVALID_PRODUCER_ID_MAPPING, 1);
    await produce(config, 20, 20);
    await until(async () => (await committed()) === 40n, 'it is committed again', 60_000);
    expect(wire.changed).toBe(1);
    expect(warnings.length).toBeGreaterThan(0);
    await expectExactlyOnce(config, 40);
  });

  test.each([
    ['its disk is full', PRODUCE, KAFKA_STORAGE_ERROR],
    ['it has not enough replicas', PRODUCE, NOT_ENOUGH_REPLICAS],
    ['the leader is not available', PRODUCE, LEADER_NOT_AVAILABLE],
    ['another one leads', PRODUCE, NOT_LEADER_FOR_PARTITION],
    ['its transactions are being loaded', ADD_PARTITIONS, COORDINATOR_LOADING],
    ['its groups are being loaded', TXN_OFFSET_COMMIT, COORDINATOR_LOADING],
  ])(
    'where the broker says that %s, for a moment and for longer than a request is tried',
    async (_, request, code) => {
      const { config, committed, wire, warnings, service } = await start({});
      await produce(config, 0, 20);
      await until(async () => (await committed()) === 20n, 'it is committed', 60_000);
      // What was asked for is done all the same: it must not be there twice.
      wire.plant(request, code, 2);
      await produce(config, 20, 20);
      await until(async () => (await committed()) === 40n, 'a moment is over', 60_000);
      expect(wire.changed).toBe(2);
      wire.plant(request, code, Number.POSITIVE_INFINITY);
      await produce(config, 40, 20);
      await until(
        () => warnings.some((warning) => warning.includes('aborted')),
        'the transaction is aborted and told of',
        30_000,
      );
      expect(await committed()).toBe(40n);
      wire.clear();
      await until(async () => (await committed()) === 60n, 'it goes on', 60_000);
      await until(() => service.readiness().ok, 'it is ready', 60_000);
      await expectExactlyOnce(config, 60);
    },
  );

  test('where the broker is slow: 0.4 s for each answer', async () => {
    const { config, committed, wire, service } = await start({});
    await produce(config, 0, 20);
    await until(async () => (await committed()) === 20n, 'it is committed', 60_000);
    wire.delayMs = 400;
    for (let sent = 20; sent < 100; sent += 20) {
      await produce(config, sent, 20);
      await until(async () => (await committed()) === BigInt(sent + 20), 'it goes on', 60_000);
    }
    await until(() => service.readiness().ok, 'it is ready', 60_000);
    await expectExactlyOnce(config, 100);
  });

  test('where the topics take small records: deltas are split below, a list that does not fit is a dead letter', async () => {
    const { config, committed, service } = await start(
      {
        ISTHMUS_MAX_RECORD_BYTES: '90000',
        ISTHMUS_LEARNER_DIMENSION: '32',
        ISTHMUS_TOP_N: '1000',
        ISTHMUS_LIST_INTERVAL_MS: '1',
      },
      { topics: /lists|dlq|model|user/, bytes: 100_000 },
    );
    const long = 'x'.repeat(240);
    await produce(config, 0, 1_500, (i) => `${long}${i}`);
    await until(async () => (await committed()) === 1_500n, 'it is committed', 90_000);
    const deltas = (await readAll(outside, config.modelDeltasTopic)).map(({ value }) => ({
      bytes: value?.length ?? 0,
      parts: serde.deltas.decode(value).parts,
    }));
    expect(Math.max(...deltas.map(({ parts }) => parts))).toBeGreaterThan(1);
    expect(Math.max(...deltas.map(({ bytes }) => bytes))).toBeLessThan(90_000);
    const dead = await readAll(outside, config.deadLetterTopic);
    expect(dead.length).toBeGreaterThan(0);
    for (const { headers } of dead) {
      expect(String(headers['isthmus.reason'])).toBe('list-too-large');
    }
    await until(() => service.readiness().ok, 'it is ready', 60_000);
  });
});

describe('a service whose committed offset is not in the log any more', {
  timeout: 150_000,
}, () => {
  test.each([
    // 20 were learned; of 10 more the first 5 are gone before they are; 4 come afterwards.
    { policy: 'earliest', trained: 29 },
    { policy: 'latest', trained: 24 },
  ])('goes on at the $policy, and says what it has not learned', async ({ policy, trained }) => {
    const first = await start({});
    const { config, admin } = first;
    await produce(config, 0, 20);
    await until(async () => (await first.committed()) === 20n, 'it is committed', 60_000);
    await first.service.close();
    await produce(config, 20, 10);
    await admin.deleteRecords(config.inputTopic, new Map([[0, 25n]]));
    const second = await start({ ISTHMUS_APP_ID: config.appId, ISTHMUS_OFFSET_RESET: policy });
    const told = () =>
      second.warnings.filter((warning) => warning.includes('ISTHMUS_OFFSET_RESET')).length;
    // Before, the latest would be behind what comes afterwards.
    await until(() => told() > 0 && second.service.readiness().ok, 'it is ready', 60_000);
    await produce(config, 30, 4);
    await until(async () => (await second.committed()) === 34n, 'it goes on', 60_000);
    expect(told()).toBe(1);
    const { trainedEvents, inputOffsets } = await verify({ config, transport: outside, serde });
    expect(trainedEvents).toBe(trained);
    expect(inputOffsets).toMatchObject({ gaps: 1, overlaps: 0 });
  });
});

describe('a service stops, and says why', { timeout: 240_000 }, () => {
  test('where a topic takes smaller records than the setting says', async () => {
    const { config, service } = await start(
      { ISTHMUS_TOP_N: '100' },
      { topics: /lists/, bytes: 2_000 },
    );
    const ended = service.ended.then(
      () => null,
      (error: unknown) => error,
    );
    await produce(config, 0, 100, (i) => `${'x'.repeat(100)}${i}`);
    expect(await ended).toMatchObject({
      code: 'RECORD_TOO_LARGE',
      message: expect.stringMatching(/max\.message\.bytes.*ISTHMUS_MAX_RECORD_BYTES/),
    });
  });
});
