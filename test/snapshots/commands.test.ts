import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOfLog } from '../../src/cli/digest.js';
import { createSnapshot, listSnapshots, prune } from '../../src/snapshots/commands.js';
import { manifestRecord } from '../../src/snapshots/manifest.js';
import { randomDeltas } from '../online/model-fixtures.js';
import { SnapshotWorld, sum } from './world.js';

let world: SnapshotWorld;
const deltas = randomDeltas(13, 20);
let nowMs = 0;
const now = (): number => {
  nowMs += 1000;
  return nowMs;
};

beforeEach(async () => {
  world = await new SnapshotWorld().open();
});
afterEach(() => world.close());

describe('isthmus snapshots', () => {
  it('create writes the model of the log, the second time from the first one and the deltas after it', async () => {
    for (const part of [deltas.slice(0, 10), deltas.slice(10)]) {
      await world.learn(part);
      await createSnapshot(world.transport, world.config, { now });
    }
    const [newest, oldest] = await listSnapshots(world.transport, world.config);
    expect(newest!.info.manifest.sha256).toBe(sum(deltas).digest());
    expect(newest!.fault).toBeNull();
    expect(oldest!.info.manifest.sha256).toBe(sum(deltas.slice(0, 10)).digest());
  });

  it('list says which of them are not whole, and why', async () => {
    await world.learn(deltas);
    await createSnapshot(world.transport, world.config, { now });
    await world.snapshot(300);
    await world.damaged((records) => {
      const { app, snapshot, manifest } = records.at(-1)!;
      return [...records.slice(1, -1), manifestRecord(app, snapshot, manifest!)];
    });
    const listed = await listSnapshots(world.transport, world.config);
    const reasons = listed.map(({ fault }) => fault?.reason ?? 'whole');
    expect(reasons).toEqual(['missing-chunk', 'whole', 'whole']);
  });

  it('prune keeps as many as it is told, and digest still knows the model', async () => {
    for (let i = 0; i < 3; i++) {
      await world.learn(deltas.slice(i * 6, i * 6 + 6));
      await createSnapshot(world.transport, world.config, { now });
    }
    await world.learn(deltas.slice(18));
    const { kept } = await prune(world.transport, world.config, { keep: 1 });
    expect(kept).toHaveLength(1);
    const { sha256, trainedEvents } = await digestOfLog(world.config, world.transport);
    expect(sha256).toBe(sum(deltas).digest());
    expect(trainedEvents).toBe(sum(deltas).trainedEvents);
    await expect(digestOfLog(world.config, world.transport, false)).rejects.toMatchObject({
      code: 'MODEL_LOG_TRUNCATED',
    });
  });
});
