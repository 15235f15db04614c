import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Serde } from '../../src/serde/serde.js';
import type { RecommendationList } from '../../src/serde/types.js';
import { KafkaTransport } from '../../src/transport/kafka/index.js';
import { partitionFor } from '../../src/transport/partitioner.js';
import type { LogRecord } from '../../src/transport/transport.js';
import { csvOf, eventRows } from '../cli/support/events.js';
import { type Env, endAll, isthmus, RunningService } from '../cli/support/isthmus.js';
import { readAll } from '../support/service.js';

const serde = new Serde();
const PARTITIONS = 2;
const DOMAINS = ['books', 'films'];

let folder: string;
let transport: KafkaTransport;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isthmus-stream-'));
  transport = new KafkaTransport({ brokers: [inject('kafkaBrokers')], clientId: 'stream-test' });
});

afterAll(async () => {
  endAll();
  await transport.close();
  await rm(folder, { recursive: true, force: true });
});

function settings(app: string): Env {
  return {
    KAFKA_BROKERS: inject('kafkaBrokers'),
    ISTHMUS_APP_ID: app,
    ISTHMUS_INPUT_TOPIC: `${app}.events`,
    ISTHMUS_ITEMS_TOPIC: `${app}.items`,
    ISTHMUS_RECOMMENDATIONS_TOPIC: `${app}.lists`,
    ISTHMUS_SESSION_TIMEOUT_MS: '2000',
    // Backends differ in the last bit.
    ISTHMUS_BACKEND: 'wasm',
    ISTHMUS_LEARNER_DIMENSION: '16',
    ISTHMUS_PREQUENTIAL_SAMPLE: '1',
  };
}

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

async function ends(topic: string): Promise<bigint[]> {
  const admin = await transport.admin();
  const marks = await admin.watermarks(topic);
  await admin.close();
  return marks.map(({ high }) => high);
}

function decodeLists(records: readonly LogRecord[]): RecommendationList[] {
  return records.map((record) => serde.lists.decode(record.value));
}

/** By user and domain: each list is based on a later event than the one before it. */
function lineage(records: readonly LogRecord[]): Map<string, RecommendationList> {
  const newest = new Map<string, RecommendationList>();
  const ordered = records.toSorted((a, b) => Number(a.offset - b.offset));
  for (const list of decodeLists(ordered)) {
    const key = `${list.userId}/${list.domain}`;
    const before = newest.get(key)?.basedOn.offset ?? -1n;
    if (list.basedOn.offset <= before) {
      throw new Error(`${key}: based on ${list.basedOn.offset} after ${before}`);
    }
    newest.set(key, list);
  }
  return newest;
}

describe('topics create → produce → run → recommendations', () => {
  const app = 'road';
  const env = settings(app);
  const rows = eventRows(900, 30);
  let service: RunningService;

  test('the commands make topics, and write a file to them, broken rows counted', async () => {
    const created = await isthmus(['topics', 'create', '--partitions', `${PARTITIONS}`], env);
    expect(created).toMatchObject({ code: 0 });
    expect(created.stdout.split('\n').filter((line) => line !== '')).toHaveLength(7);
    const file = await write('road.csv', `${csvOf(rows)}u1,,books,1,900\n`);
    const produced = await isthmus(['produce', '--file', file, '--json'], env);
    expect(produced.code).toBe(0);
    expect(JSON.parse(produced.stdout)).toMatchObject({ sent: 900, broken: 1 });
    expect(produced.stderr).toContain('line 902: item_id is empty');
    const listed = await isthmus(['topics', 'list', '--json'], env);
    expect(JSON.parse(listed.stdout)).toContainEqual({
      topic: `${app}.events`,
      partitions: PARTITIONS,
      records: 900,
    });
  });

  test('every user gets lists of each domain, the last one based on their last event', async () => {
    await plantBadRecords(`${app}.events`);
    service = await RunningService.start(env);
    await service.atRest(await ends(`${app}.events`));
    const input = await readAll(transport, `${app}.events`);
    const last = new Map<string, bigint>();
    for (const { key, offset, value } of input) {
      if (serde.events.tryDecode(value) instanceof Error || String(key) === 'bad') continue;
      const before = last.get(String(key)) ?? -1n;
      if (offset > before) last.set(String(key), offset);
    }
    const records = await readAll(transport, `${app}.lists`);
    const newest = lineage(records);
    expect(newest.size).toBe(last.size * DOMAINS.length);
    for (const list of newest.values()) {
      expect(list.basedOn.offset).toBe(last.get(list.userId));
      expect(list.basedOn.partition).toBe(partitionFor(list.userId, PARTITIONS));
      expect(list.modelVersion).toBeLessThanOrEqual(900);
    }
    for (const record of records) {
      const list = serde.lists.decode(record.value);
      expect(record.partition).toBe(list.basedOn.partition);
      expect(String(record.key)).toBe(`${list.userId}/${list.domain}`);
      checkValues(list);
    }
  });

  test('what cannot be used lies in the dead letters with reason, origin and raw bytes', async () => {
    const dead = await readAll(transport, `${app}.events.dlq`);
    const told = dead.map(({ headers, value }) => [String(headers['isthmus.reason']), value]);
    expect(told.sort()).toEqual(
      BAD.map(({ reason, value }): [string, Buffer | null] => [reason, value]).sort(),
    );
    for (const { headers } of dead) {
      expect(String(headers['isthmus.topic'])).toBe(`${app}.events`);
      expect(Number(headers['isthmus.partition'])).toBe(1);
      expect(Number(headers['isthmus.offset'])).toBeGreaterThan(0);
    }
  });

  test('the running model is the one that digest rebuilds from the log', async () => {
    // What is committed counts once it is read back.
    const running = (): Promise<{ trainedEvents: number }> => service.json('/model');
    await expect.poll(async () => (await running()).trainedEvents, { timeout: 30_000 }).toBe(900);
    const model = await running();
    const digest = await isthmus(['digest', '--json'], env);
    expect(digest.code).toBe(0);
    expect(JSON.parse(digest.stdout)).toEqual(model);
  });

  test('metrics have the series of the road', async () => {
    const text = await service.text('/metrics');
    for (const series of [
      /^isthmus_events_total\{[^}]*domain="books"[^}]*\} [1-9]/m,
      /^isthmus_dead_letters_total\{[^}]*reason="not-wire-format"[^}]*\} 1$/m,
      /^isthmus_transactions_total\{[^}]*outcome="committed"[^}]*\} [1-9]/m,
      /^isthmus_freshness_seconds_count(\{[^}]*\})? [1-9]/m,
      /^isthmus_batch_duration_seconds_count\{[^}]*step="commit"[^}]*\} [1-9]/m,
      /^isthmus_\w*hr10\w*\{[^}]*domain="films"/m,
      /^process_cpu_seconds_total/m,
    ]) {
      expect(text).toMatch(series);
    }
  });

  test('recommend asks the service, for unknown users too', async () => {
    const asked = ['recommend', '--url', service.url, '--json', '--n', '3'];
    const known = JSON.parse((await isthmus([...asked, '--user', 'u1'], env)).stdout);
    expect(known.recommendations).toHaveLength(2);
    expect(known.recommendations[0].items).toHaveLength(3);
    const unknown = JSON.parse((await isthmus([...asked, '--user', 'nobody'], env)).stdout);
    expect(unknown.recommendations[0]).toMatchObject({ transfer: [] });
    const wrong = await isthmus([...asked, '--user', 'u1', '--domain', 'shops'], env);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('UNKNOWN_DOMAIN');
  });

  test('SIGTERM ends it within 5 s, with 0; the next start goes on from there', async () => {
    const { code, seconds, stdout } = await service.stop();
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(seconds).toBeLessThan(5);
    const more = await write('more.csv', csvOf(eventRows(1_000, 30).slice(900), 900));
    expect((await isthmus(['produce', '--file', more], env)).code).toBe(0);
    service = await RunningService.start(env);
    await service.atRest(await ends(`${app}.events`));
    expect(await service.trained(1_000)).toMatchObject({ trainedEvents: 1_000 });
    lineage(await readAll(transport, `${app}.lists`));
    await service.stop();
  });
});

describe('one partition, mini-batches cut by offset', () => {
  const env: Env = {
    ...settings('bits'),
    ISTHMUS_MINI_BATCH: '64',
    ISTHMUS_MINI_BATCH_CUT: 'offset',
    ISTHMUS_MAX_TRANSACTION_EVENTS: '128',
    ISTHMUS_COMMIT_INTERVAL_MS: '50',
  };
  const half = 64 * 12;
  const count = 2 * half;

  test('a run that is killed with -9 comes to the model of evaluate, bit for bit', async () => {
    const file = await write('bits.csv', csvOf(eventRows(count, 40)));
    await isthmus(['topics', 'create', '--partitions', '1'], env);
    const produce = (...part: string[]) => isthmus(['produce', '--file', file, ...part], env);
    await produce('--limit', String(half));
    const first = await RunningService.start(env);
    await first.tasks((tasks) => (tasks[0]?.position ?? 0) >= 384, 'it is on its way');
    await first.kill();
    // Also while the dead one's transaction is open, which the broker would wait for longer than we do.
    const left = JSON.parse((await isthmus(['digest', '--json'], env)).stdout);
    expect(left.trainedEvents).toBeGreaterThanOrEqual(384);
    expect(left.trainedEvents).toBeLessThanOrEqual(half);
    await produce('--skip', String(half));

    const second = await RunningService.start(env);
    await second.atRest([BigInt(count)]);
    const model = await second.trained(count);
    await second.stop();
    expect(model.trainedEvents).toBe(count);
    const digest = JSON.parse((await isthmus(['digest', '--json'], env)).stdout);
    expect(digest.sha256).toBe(model.sha256);
    const evaluated = await isthmus(['evaluate', '--events', file, '--json'], env);
    expect(JSON.parse(evaluated.stdout).digest).toEqual({
      trainedEvents: count,
      sha256: model.sha256,
    });
    lineage(await readAll(transport, 'bits.lists'));
  }, 120_000);
});

const BAD: readonly { reason: string; value: Buffer | null }[] = [
  { reason: 'not-wire-format', value: Buffer.from('no avro') },
  { reason: 'empty-value', value: null },
  { reason: 'unknown-schema-id', value: Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 2]) },
  { reason: 'truncated', value: goodValue().subarray(0, 9) },
  { reason: 'empty-item-id', value: goodValue({ itemId: '' }) },
  { reason: 'bad-value', value: goodValue({ value: Number.NaN }) },
  { reason: 'before-1970', value: goodValue({ occurredAtMs: -1 }) },
  { reason: 'far-future', value: goodValue({ occurredAtMs: Date.UTC(2300, 0, 1) }) },
  { reason: 'long-user-id', value: goodValue({ userId: 'u'.repeat(257) }) },
];

function goodValue(changes: object = {}): Buffer {
  return serde.events.encode({
    userId: 'bad',
    itemId: 'books-1',
    domain: 'books',
    action: 'interact',
    value: 1,
    occurredAtMs: 1_000,
    eventId: null,
    ...changes,
  });
}

async function plantBadRecords(topic: string): Promise<void> {
  const producer = await transport.producer();
  await producer.send(BAD.map(({ value }) => ({ topic, partition: 1, key: 'bad', value })));
  await producer.close();
}

function checkValues(list: RecommendationList): void {
  const { domain, items, transfer } = list;
  expect(DOMAINS).toContain(domain);
  expect(items.length).toBeGreaterThan(0);
  expect(items.length).toBeLessThanOrEqual(10);
  expect(new Set(items.map(({ itemId }) => itemId)).size).toBe(items.length);
  for (const [i, { itemId, score }] of items.entries()) {
    expect(itemId.startsWith(domain)).toBe(true);
    expect(score).toBeLessThanOrEqual(items[i - 1]?.score ?? 1);
  }
  const weights = transfer.reduce((sum, { weight }) => sum + weight, 0);
  expect(weights).toBeCloseTo(1, 3);
}
