import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeDelta } from '../../src/online/delta-codec.js';
import { Model } from '../../src/online/model.js';
import { pruneSnapshots } from '../../src/snapshots/prune.js';
import { rebuildModel } from '../../src/snapshots/rebuild.js';
import { snapshotWriterId } from '../../src/snapshots/writer.js';
import { ModelReplica } from '../../src/tasks/replica.js';
import { OPTIONS, portrait, randomDeltas } from '../online/model-fixtures.js';
import { readAll } from '../support/service.js';
import { SnapshotWorld, sum } from './world.js';

let world: SnapshotWorld;
const deltas = randomDeltas(12, 40);

beforeEach(async () => {
  world = await new SnapshotWorld().open();
});
afterEach(() => world.close());

function sourceOf(replica: ModelReplica, offsets: readonly bigint[]) {
  return {
    model: replica.model,
    pending: () => replica.pendingDeltas(),
    positions: () => offsets,
  };
}

describe('a snapshot of a running replica', () => {
  it('holds what is committed and nothing that is pending, and leaves the replica alone', async () => {
    const replica = new ModelReplica(new Model(OPTIONS));
    for (const delta of deltas.slice(0, 20)) replica.read(null, encodeDelta(delta));
    for (const [i, delta] of deltas.slice(20, 25).entries()) replica.computed(`own ${i}`, delta);
    for (const delta of deltas.slice(25, 30)) replica.read(null, encodeDelta(delta));
    const before = portrait(replica.model);
    const { manifest } = await world.write(sourceOf(replica, [0n, 0n]));
    const committed = [...deltas.slice(0, 20), ...deltas.slice(25, 30)];
    expect(manifest.sha256).toBe(sum(committed).digest());
    expect(manifest.trainedEvents).toBe(sum(committed).trainedEvents);
    expect(portrait(replica.model)).toEqual(before);
    const { model } = await rebuildModel(world.transport, world.config);
    expect(model.digest()).toBe(sum(committed).digest());
  });

  it('is of one moment: what is learned while it is written is not in it', async () => {
    const replica = new ModelReplica(new Model(OPTIONS));
    for (const delta of deltas.slice(0, 20)) replica.read(null, encodeDelta(delta));
    let at = 0n;
    const source = { ...sourceOf(replica, []), positions: () => [at, at] };
    const writing = world.write(source, 200);
    let learned = 20;
    const timer = setInterval(() => {
      const delta = deltas[learned++ % deltas.length]!;
      replica.read(null, encodeDelta(delta));
      at += 1n;
    }, 0);
    const { manifest } = await writing;
    clearInterval(timer);
    const inIt = Number(manifest.deltaOffsets[0]!.offset);
    const expected = sum(deltas.slice(0, 20));
    for (let i = 0; i < inIt; i++) expected.apply(deltas[(20 + i) % deltas.length]!);
    expect(manifest.sha256).toBe(expected.digest());
  });

  it('is written by one at a time: who begins fences the writer before, whose chunks nobody sees', async () => {
    const first = await world.transport.transactionalProducer(
      snapshotWriterId(world.config.appId),
      60_000,
    );
    await first.init();
    const transaction = await first.begin();
    const { modelSnapshotsTopic: topic } = world.config;
    await transaction.send([{ topic, partition: 0, key: 'first/0', value: Buffer.alloc(9) }]);
    await world.learn(deltas);
    const { id } = await world.snapshot();
    await expect(transaction.commit()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
    const { snapshot, refused } = await rebuildModel(world.transport, world.config);
    expect(snapshot?.id).toBe(id);
    expect(refused).toEqual([]);
    await first.close();
  });
});

describe('pruning', () => {
  const prune = (keep: number) =>
    pruneSnapshots(world.catalogue, { deltaTopic: world.config.modelDeltasTopic, keep });

  async function four(): Promise<string[]> {
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      await world.learn(deltas.slice(i * 10, i * 10 + 10));
      ids.push((await world.snapshot()).id);
    }
    return ids;
  }

  async function newestKept(): Promise<string[]> {
    const found: string[] = [];
    for (let end: bigint | undefined; ; ) {
      const info = await world.catalogue.before(end);
      if (info === null) return found;
      expect(await world.catalogue.fault(info)).toBeNull();
      found.push(info.id);
      end = info.firstOffset;
    }
  }

  it('keeps the newest whole and the deltas after the oldest kept, and deletes what is below', async () => {
    const ids = await four();
    const pruned = await prune(2);
    expect(pruned.kept).toEqual([ids[3], ids[2]]);
    expect(await newestKept()).toEqual([ids[3], ids[2]]);
    const marks = await world.admin.watermarks(world.config.modelDeltasTopic);
    const kept = await world.catalogue.before((await world.catalogue.before())!.firstOffset);
    expect(marks.map(({ low }) => low)).toEqual(
      kept!.manifest.deltaOffsets.map(({ offset }) => offset),
    );
    expect(pruned.deltaRecords).toBeGreaterThan(0);
    const { model } = await rebuildModel(world.transport, world.config);
    expect(model.digest()).toBe(sum(deltas).digest());
  });

  it('never deletes what a kept snapshot needs: each of them leads to the end, also the oldest', async () => {
    await four();
    await prune(3);
    for (let broken = 0; broken < 3; broken++) {
      const { model, refused } = await rebuildModel(world.transport, {
        ...world.config,
        modelSnapshotsTopic: await without(broken),
      });
      expect(refused).toEqual([]);
      expect(model.digest()).toBe(sum(deltas).digest());
    }
  });

  /** A snapshot topic without the newest so many. */
  async function without(newest: number): Promise<string> {
    const topic = `without-${newest}`;
    await world.admin.createTopics([{ topic, partitions: 1 }]);
    const all = await readAll(world.transport, world.config.modelSnapshotsTopic);
    const ids = [...new Set(all.map((record) => String(record.key).split('/')[0]))];
    const kept = ids.slice(0, ids.length - newest);
    const producer = await world.transport.producer();
    await producer.send(
      all
        .filter((record) => kept.includes(String(record.key).split('/')[0]))
        .map(({ key, value }) => ({ topic, partition: 0, key, value })),
    );
    await producer.close();
    return topic;
  }

  it('counts only what is whole: a damaged one does not make an older one superfluous', async () => {
    const ids = await four();
    await world.damaged((records) => records.toSpliced(1, 1));
    const { kept } = await prune(2);
    expect(kept).toEqual([ids[3], ids[2]]);
    expect(world.refused.length).toBeGreaterThan(0);
  });

  it('deletes nothing where there are fewer than are to be kept', async () => {
    await four();
    expect(await prune(5)).toMatchObject({ snapshotRecords: 0, deltaRecords: 0 });
    const [mark] = await world.admin.watermarks(world.config.modelDeltasTopic);
    expect(mark!.low).toBe(0n);
  });

  it('a second time finds nothing to delete', async () => {
    await four();
    await prune(1);
    expect(await prune(1)).toMatchObject({ snapshotRecords: 0, deltaRecords: 0 });
  });
});
