import { expect, test } from 'vitest';
import { subscribe } from '../../src/diagnostics.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { produceEvents } from '../support/replicas.js';
import { atRest, createTopics, startService, testConfig, until } from '../support/service.js';

test('a process without partitions is not ready before its model is read, and tells how far it is', async () => {
  const log = new MemoryLog();
  const first = new MemoryTransport(log);
  const config = testConfig({
    ISTHMUS_MINI_BATCH: '10',
    ISTHMUS_MAX_TRANSACTION_EVENTS: '10',
  });
  await createTopics(first, config, 1);
  const owner = await startService(first, config);
  await produceEvents(first, config.inputTopic, 40);
  await atRest(first, config);
  await until(async () => (await owner.model()).trainedEvents === 40, 'all deltas are read back');

  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let following = false;
  const second = new MemoryTransport(log, {
    fault: (point, { topic }) => {
      if (point !== 'follow' || topic !== config.modelDeltasTopic) return;
      following = true;
      return held;
    },
  });
  const told: { position: bigint; end: bigint; done: boolean }[] = [];
  const stop = subscribe('isthmus:restore', ({ what, position, end, done }) => {
    if (what === 'model') told.push({ position, end, done });
  });
  const other = await startService(second, config);
  await until(
    () => following && other.instances().some(({ self }) => self),
    'it is in the group, and its first deltas are on the way',
  );
  expect(other.tasks()).toEqual([]);
  expect(other.readiness()).toEqual({
    ok: false,
    reason: 'the model is being read from the log',
  });
  release();
  await until(() => other.readiness().ok, 'it is ready');
  stop();
  expect(other.trainedEvents()).toBe(40);
  expect(told[0]).toMatchObject({ position: 0n, done: false });
  expect(told.at(-1)).toMatchObject({ done: true });
  expect(told.at(-1)!.position).toBeGreaterThanOrEqual(told[0]!.end);

  await other.close();
  await owner.close();
  await Promise.all([first.close(), second.close()]);
});
