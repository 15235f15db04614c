import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Serde } from '../../src/serde/serde.js';
import { KafkaTransport } from '../../src/transport/kafka/index.js';
import type { OutgoingRecord } from '../../src/transport/transport.js';
import { csvOf, eventRows } from '../cli/support/events.js';
import { type Env, endAll, isthmus, RunningService } from '../cli/support/isthmus.js';
import { readAll } from '../support/service.js';

const EVENTS = 60;
const app = `operator-${Date.now()}`;
const serde = new Serde();

let env: Env;
let folder: string;
let transport: KafkaTransport;
let sha256: string;

interface Listed {
  readonly id: string;
  readonly complete: boolean;
  readonly fault: string | null;
}

/** What a command with `--json` prints. */
async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse((await isthmus([...args, '--json'], env)).stdout) as T;
}

async function send(records: readonly OutgoingRecord[]): Promise<void> {
  const producer = await transport.producer();
  await producer.send(records);
  await producer.close();
}

/** What a service says that starts now, with the model that it comes to. */
async function started(): Promise<{ sha256: string; log: string }> {
  const service = await RunningService.start(env);
  const model = await service.trained(EVENTS);
  await service.tasks((tasks) => tasks.length === 1, 'it runs');
  const { code, stderr } = await service.stop();
  expect(code).toBe(0);
  return { sha256: model.sha256, log: stderr };
}

beforeAll(async () => {
  const brokers = inject('kafkaBrokers');
  env = {
    KAFKA_BROKERS: brokers,
    ISTHMUS_APP_ID: app,
    ISTHMUS_INPUT_TOPIC: `${app}.events`,
    ISTHMUS_ITEMS_TOPIC: `${app}.items`,
    ISTHMUS_RECOMMENDATIONS_TOPIC: `${app}.lists`,
    ISTHMUS_BACKEND: 'simd',
    ISTHMUS_LEARNER_DIMENSION: '8',
    // Written by hand here.
    ISTHMUS_SNAPSHOT_INTERVAL_MS: '0',
    ISTHMUS_SNAPSHOT_DELTA_BYTES: '0',
  };
  folder = await mkdtemp(join(tmpdir(), 'isthmus-operator-'));
  transport = new KafkaTransport({ brokers: [brokers], clientId: app });
  const file = join(folder, 'events.csv');
  await writeFile(file, csvOf(eventRows(EVENTS, 10)));
  for (const args of [
    ['topics', 'create', '--partitions', '1'],
    ['produce', '--file', file],
  ])
    expect(await isthmus(args, env)).toMatchObject({ code: 0 });
  sha256 = (await started()).sha256;
});

afterAll(async () => {
  endAll();
  await transport?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('an operator', () => {
  test('writes, lists and prunes snapshots, and the model stays what it was', async () => {
    expect(await json('snapshots', 'list')).toEqual([]);
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const written = await json<Listed>('snapshots', 'create');
      expect(written).toMatchObject({ trainedEvents: EVENTS, sha256 });
      ids.unshift(written.id);
    }
    expect(await json<Listed[]>('snapshots', 'list')).toMatchObject(
      ids.map((id) => ({ id, complete: true, fault: null, sha256 })),
    );
    const pruned = await json('snapshots', 'prune', '--keep', '2');
    expect(pruned).toMatchObject({ kept: ids.slice(0, 2) });
    expect(await json<Listed[]>('snapshots', 'list')).toHaveLength(2);
    expect(await json('digest')).toMatchObject({ trainedEvents: EVENTS, sha256 });
    const whole = await isthmus(['digest', '--no-snapshots'], env);
    expect(whole).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('MODEL_LOG_TRUNCATED'),
    });
  });

  test('hears of a snapshot that is damaged, and of the one before that is taken instead', async () => {
    const records = await readAll(transport, `${app}.model-snapshots`);
    const decoded = records.map(({ value }) => serde.snapshots.decode(value));
    const id = decoded.at(-1)!.snapshot;
    const copy = records
      .map(({ key }, i) => ({ key, snapshot: decoded[i]! }))
      .filter(({ snapshot }) => snapshot.snapshot === id)
      .map(({ key, snapshot }) => {
        const payload = Buffer.from(snapshot.payload);
        if (snapshot.manifest === null && snapshot.chunk === 1) payload[payload.length >> 1]! ^= 1;
        return { key: key!.toString(), value: serde.snapshots.encode({ ...snapshot, payload }) };
      });
    await send(
      copy.map((record) => ({ topic: `${app}.model-snapshots`, partition: 0, ...record })),
    );
    const [newest, before] = await json<Listed[]>('snapshots', 'list');
    expect(newest).toMatchObject({
      id,
      complete: false,
      fault: expect.stringContaining('chunk 1'),
    });
    expect(before).toMatchObject({ complete: true });
    const service = await started();
    expect(service.sha256).toBe(sha256);
    expect(service.log).toContain('a snapshot cannot be used; the one before is tried');
  });

  test('sees by verify that all holds, and by its exit code where it does not', async () => {
    const good = await isthmus(['verify', '--json'], env);
    expect(good.code).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({
      ok: true,
      problems: [],
      inputOffsets: { gaps: 0, overlaps: 0 },
      trainedEvents: EVENTS,
      // The deltas below the snapshots are gone.
      sha256: { log: null, snapshot: sha256, replicas: {} },
    });
    const lists = await readAll(transport, `${app}.lists`);
    const { key, value, partition } = lists.at(-1)!;
    await send([{ topic: `${app}.lists`, partition, key: key!.toString(), value }]);
    const bad = await isthmus(['verify', '--json'], env);
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false, lists: { notIncreasing: 1 } });
    const told = await isthmus(['verify'], env);
    expect(told).toMatchObject({ code: 1, stdout: expect.stringContaining('It does not hold.') });
  });
});
