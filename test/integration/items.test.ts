import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Env, endAll, isthmus, RunningService } from '../cli/support/isthmus.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isthmus-items-'));
});

afterAll(async () => {
  endAll();
  await rm(folder, { recursive: true, force: true });
});

/** Films of two genres, the last of which nobody has touched. */
const ITEMS = [
  'item_id,domain,title,categories',
  ...Array.from(
    { length: 12 },
    (_, i) => `f${i},films,film ${i},${i % 2 === 0 ? 'Horror' : 'Comedy'}`,
  ),
  'new,films,film new,Horror|Comedy',
];
/** Twelve users, each with likes of one genre. */
const EVENTS = [
  'user_id,item_id,domain,sequence',
  ...Array.from({ length: 96 }, (_, i) => `u${i % 12},f${((i * 2) % 12) + (i % 2)},films,${i}`),
];

test('items written by produce are learned through a real broker, and a kill, verify and a list show it', async () => {
  const app = `items-${Date.now()}`;
  const env: Env = {
    KAFKA_BROKERS: inject('kafkaBrokers'),
    ISTHMUS_APP_ID: app,
    ISTHMUS_INPUT_TOPIC: `${app}.events`,
    ISTHMUS_ITEMS_TOPIC: `${app}.items`,
    ISTHMUS_RECOMMENDATIONS_TOPIC: `${app}.lists`,
    ISTHMUS_HTTP_PORT: '0',
    ISTHMUS_SESSION_TIMEOUT_MS: '2000',
    ISTHMUS_LEARNER_DIMENSION: '8',
  };
  const [items, events] = [join(folder, 'items.csv'), join(folder, 'events.csv')];
  await writeFile(items, ITEMS.join('\n'));
  await writeFile(events, EVENTS.join('\n'));
  expect((await isthmus(['topics', 'create', '--partitions', '2'], env)).code).toBe(0);
  const both = await isthmus(['produce', '--items', items, '--file', events], env);
  expect(both).toMatchObject({ code: 2, stdout: '' });
  const sent = await isthmus(['produce', '--items', items, '--json'], env);
  expect(JSON.parse(sent.stdout)).toMatchObject({ sent: 13, broken: 0 });

  const service = await RunningService.start(env);
  expect((await isthmus(['produce', '--file', events], env)).code).toBe(0);
  await service.trained(96);
  // While the partition is being restored it answers that, and not with lists.
  const listed = async (one: RunningService): Promise<string[]> => {
    const answer = await one.json<{ recommendations?: { items: { itemId: string }[] }[] }>(
      '/users/u1/recommendations?domain=films&n=50',
    );
    return (answer.recommendations ?? []).flatMap((list) => list.items.map(({ itemId }) => itemId));
  };
  await service.process.until(async () => (await listed(service)).includes('new'), 'it is listed');
  const all = /isthmus_item_records_total\{outcome="committed"\} 13/;
  await service.process.until(
    async () => all.test(await service.text('/metrics')),
    'all is counted',
  );
  const log = JSON.parse((await isthmus(['digest', '--json'], env)).stdout) as { sha256: string };
  const before = log.sha256;
  const shown = async () => (await service.json<{ sha256: string }>('/model')).sha256;
  await service.process.until(async () => (await shown()) === before, 'all is read back');
  await service.kill();

  const again = await RunningService.start(env);
  const after = await again.trained(96);
  expect(after.sha256).toBe(before);
  await again.process.until(
    async () => (await listed(again)).includes('new'),
    'it is listed again',
  );
  await again.stop();
  const verified = await isthmus(['verify', '--json'], env);
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, sha256: { log: before } });
  expect(verified.code).toBe(0);
});
