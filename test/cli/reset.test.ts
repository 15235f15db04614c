import { describe, expect, it } from 'vitest';
import { planReset, reset } from '../../src/cli/reset/reset.js';
import { confirm } from '../../src/cli/reset.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import {
  atRest,
  createTopics,
  eventRecord,
  readLists,
  startService,
  testConfig,
  until,
} from '../support/service.js';

async function learned(env: Record<string, string> = {}) {
  const config = testConfig(env);
  const log = new MemoryLog();
  const transport = new MemoryTransport(log);
  await createTopics(transport, config, 2);
  const producer = await transport.producer();
  const users = Array.from({ length: 12 }, (_, i) => `u${i}`);
  await producer.send(users.map((userId) => eventRecord(config.inputTopic, { userId })));
  const service = await startService(transport, config);
  await atRest(transport, config);
  return { config, log, transport, service, admin: await transport.admin() };
}

describe('isthmus reset', () => {
  it('is refused while the application runs, and nothing is deleted', async () => {
    const { config, admin, service, transport } = await learned();
    const before = await admin.listTopics();
    const plan = planReset(config, admin, { deadLetters: true });
    await expect(plan).rejects.toMatchObject({ code: 'GROUP_NOT_EMPTY' });
    expect(await admin.listTopics()).toEqual(before);
    await service.close();
    await transport.close();
  });

  it('is refused where a process starts between the list and the deed', async () => {
    const { config, admin, service, transport, log } = await learned();
    await service.close();
    const plan = await planReset(config, admin, { deadLetters: false });
    const other = new MemoryTransport(log);
    const started = await startService(other, config);
    await until(() => started.readiness().ok, 'it has joined');
    const before = await admin.listTopics();
    await expect(reset(plan, admin)).rejects.toMatchObject({ code: 'GROUP_NOT_EMPTY' });
    expect(await admin.listTopics()).toEqual(before);
    await started.close();
    await Promise.all([transport.close(), other.close()]);
  });

  it('lists the topics and offsets of the application, never the input, items or dead letters', async () => {
    const { config, admin, service, transport } = await learned();
    await service.close();
    const plan = await planReset(config, admin, { deadLetters: false });
    expect(plan.topics.map(({ topic }) => topic)).toEqual([
      'isthmus.model-deltas',
      'isthmus.model-snapshots',
      'isthmus.user-state',
      'recommendations',
    ]);
    expect(plan.topics[0]?.records).toBeGreaterThan(0);
    expect(plan.offsets).toMatchObject([
      { group: 'isthmus', topic: 'behavior-events', from: 12, to: 0 },
    ]);
    const all = await planReset(config, admin, { deadLetters: true });
    expect(all.topics.map(({ topic }) => topic)).toContain('behavior-events.dlq');
    await transport.close();
  });

  it('lets the application learn the input anew, from the same to the same', async () => {
    const { config, admin, service, transport } = await learned();
    const { sha256, trainedEvents } = await service.model();
    await service.close();
    const lists = (await readLists(transport, config)).length;
    await reset(await planReset(config, admin, { deadLetters: false }), admin);
    expect((await admin.listTopics()).map(({ topic }) => topic)).toEqual([
      'behavior-events',
      'behavior-events.dlq',
      'items',
    ]);
    await createTopics(transport, config, 2);
    const again = await startService(transport, config);
    await atRest(transport, config);
    expect((await again.model()).trainedEvents).toBe(trainedEvents);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    await again.close();
    expect(await readLists(transport, config)).toHaveLength(lists);
    await transport.close();
  });

  it('wants the application id typed, and takes nothing else for it', async () => {
    await expect(confirm('shop', async () => ' shop \n')).resolves.toBeUndefined();
    for (const typed of ['', 'y', 'yes', 'Shop', null]) {
      await expect(confirm('shop', async () => typed)).rejects.toMatchObject({
        code: 'NOT_CONFIRMED',
        disposition: 'usage',
      });
    }
  });
});
