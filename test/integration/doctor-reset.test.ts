import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Env, endAll, isthmus, RunningService } from '../cli/support/isthmus.js';

let folder: string;
let env: Env;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isthmus-reset-'));
  env = {
    KAFKA_BROKERS: inject('kafkaBrokers'),
    ISTHMUS_APP_ID: 'reset',
    ISTHMUS_INPUT_TOPIC: 'reset.events',
    ISTHMUS_ITEMS_TOPIC: 'reset.items',
    ISTHMUS_RECOMMENDATIONS_TOPIC: 'reset.lists',
    ISTHMUS_BACKEND: 'simd',
  };
});

afterAll(async () => {
  endAll();
  await rm(folder, { recursive: true, force: true });
});

interface Diagnosis {
  readonly ok: boolean;
  readonly findings: readonly { check: string; verdict: string; detail: string; remedy: string }[];
}

async function diagnose(with_: Env = {}) {
  const { code, stdout } = await isthmus(['doctor', '--json'], { ...env, ...with_ });
  const { ok, findings } = JSON.parse(stdout) as Diagnosis;
  const verdicts = Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]));
  return { code, ok, findings, verdicts };
}

const topics = async () => {
  const { stdout } = await isthmus(['topics', 'list', '--json'], env);
  const rows = JSON.parse(stdout) as { topic: string; partitions: number | null }[];
  return rows.filter(({ partitions }) => partitions !== null).map(({ topic }) => topic);
};

test('doctor: what is missing is named with the command that mends it, then all is well', async () => {
  const before = await diagnose();
  expect(before).toMatchObject({ code: 1, ok: false });
  expect(before.verdicts).toMatchObject({ topics: 'fail', transactions: 'ok', clock: 'ok' });
  const { remedy } = before.findings.find(({ check }) => check === 'topics')!;
  expect(remedy).toContain('isthmus topics create');
  expect((await isthmus(['topics', 'create', '--partitions', '2'], env)).code).toBe(0);
  const after = await diagnose();
  expect(after).toMatchObject({ code: 0, ok: true });
  expect(after.verdicts).toEqual({
    node: 'ok',
    backends: 'ok',
    broker: 'ok',
    topics: 'ok',
    offsets: 'ok',
    pruning: 'ok',
    transactions: 'ok',
    clock: 'ok',
    registry: 'skipped',
  });
}, 120_000);

test('doctor: a broker and a registry that do not answer are failures, and the rest is left out', async () => {
  const away = { KAFKA_BROKERS: '127.0.0.1:1', SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1' };
  const { code, verdicts } = await diagnose(away);
  expect(code).toBe(1);
  expect(verdicts).toMatchObject({ broker: 'fail', topics: 'skipped', registry: 'fail' });
}, 120_000);

test('reset: refused while a service runs and without a yes; then the input is learned anew', async () => {
  const file = join(folder, 'events.csv');
  const rows = Array.from({ length: 60 }, (_, i) => `u${i % 9},i${i % 5},books,${i}`);
  await writeFile(file, ['user_id,item_id,domain,sequence', ...rows, ''].join('\n'));
  expect((await isthmus(['produce', '--file', file], env)).code).toBe(0);
  const trained = async (service: RunningService) =>
    (await service.json<{ trainedEvents: number }>('/model')).trainedEvents;

  const first = await RunningService.start(env);
  await first.process.until(async () => (await trained(first)) === 60, 'all is learned');
  const refused = await isthmus(['reset', '--yes'], env);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('GROUP_NOT_EMPTY');
  await first.stop();

  const unasked = await isthmus(['reset'], env);
  expect(unasked.code).toBe(2);
  expect(unasked.stderr).toContain('NOT_CONFIRMED');
  expect(unasked.stdout).toContain('reset.user-state');
  expect(await topics()).toHaveLength(7);

  const done = await isthmus(['reset', '--yes', '--json'], env);
  expect(done.code).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({
    application: 'reset',
    offsets: [{ group: 'reset', topic: 'reset.events', from: 60, to: 0 }],
    deleted: true,
  });
  expect(await topics()).toEqual(['reset.events', 'reset.items', 'reset.events.dlq']);

  expect((await isthmus(['topics', 'create'], env)).code).toBe(0);
  const second = await RunningService.start(env);
  await second.process.until(async () => (await trained(second)) === 60, 'it is learned anew');
  await second.stop();
}, 120_000);
