import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Model } from '../../src/online/model.js';
import type { SnapshotChunkRecord, SnapshotManifest } from '../../src/serde/types.js';
import { manifestRecord } from '../../src/snapshots/manifest.js';
import { rebuildModel } from '../../src/snapshots/rebuild.js';
import { OPTIONS, portrait, randomDeltas } from '../online/model-fixtures.js';
import { SnapshotWorld, sum } from './world.js';

let world: SnapshotWorld;
const deltas = randomDeltas(11, 30);

beforeEach(async () => {
  world = await new SnapshotWorld().open();
});
afterEach(() => world.close());

/** The record with another manifest, whose own hash is right. */
function withManifest(
  record: SnapshotChunkRecord,
  changes: Partial<SnapshotManifest>,
): SnapshotChunkRecord {
  return manifestRecord(record.app, record.snapshot, { ...record.manifest!, ...changes });
}

function flipped(record: SnapshotChunkRecord, at = 40): SnapshotChunkRecord {
  const payload = Buffer.from(record.payload);
  payload.writeUInt8(payload.readUInt8(at) ^ 1, at);
  return { ...record, payload };
}

describe('rebuilding', () => {
  it('is the same from snapshot and deltas as from the deltas alone, row order included', async () => {
    await world.learn(deltas.slice(0, 20));
    const { id } = await world.snapshot();
    await world.learn(deltas.slice(20));
    const fast = await rebuildModel(world.transport, world.config);
    const slow = await rebuildModel(world.transport, world.config, { useSnapshots: false });
    expect(fast.snapshot?.id).toBe(id);
    expect(slow.snapshot).toBeNull();
    expect([fast.deltaRecords, slow.deltaRecords]).toEqual([10, 30]);
    expect(fast.deltaOffsets).toEqual(slow.deltaOffsets);
    expect(fast.model.digest()).toBe(sum(deltas).digest());
    expect(slow.model.digest()).toBe(sum(deltas).digest());
  });

  it('is the same however often a snapshot was taken on the way', async () => {
    for (let i = 0; i < deltas.length; i += 5) {
      await world.learn(deltas.slice(i, i + 5));
      await world.snapshot(300);
    }
    const { model } = await rebuildModel(world.transport, world.config);
    expect(model.digest()).toBe(sum(deltas).digest());
  });

  it('takes the newest of several snapshots', async () => {
    for (let i = 0; i < 3; i++) {
      await world.learn(deltas.slice(i * 10, i * 10 + 10));
      await world.snapshot();
    }
    const { snapshot, deltaRecords } = await rebuildModel(world.transport, world.config);
    expect(snapshot?.manifest.trainedEvents).toBe(sum(deltas).trainedEvents);
    expect(deltaRecords).toBe(0);
  });

  it('of an application that has learned nothing is an empty model', async () => {
    const { model, snapshot } = await rebuildModel(world.transport, world.config);
    expect(snapshot).toBeNull();
    expect(model.digest()).toBe(new Model(OPTIONS).digest());
  });
});

describe('a snapshot with a fault is passed over for the one before', () => {
  type Change = (records: SnapshotChunkRecord[]) => SnapshotChunkRecord[];
  const last = (records: SnapshotChunkRecord[]): SnapshotChunkRecord => records.at(-1)!;
  const resigned = (records: SnapshotChunkRecord[], changes: Partial<SnapshotManifest> = {}) =>
    records.with(-1, withManifest(last(records), changes));
  const cases: readonly [string, Change, string][] = [
    ['a chunk is missing', (r) => resigned(r).toSpliced(1, 1), 'missing-chunk'],
    ['the first chunk is missing', (r) => resigned(r).slice(1), 'missing-chunk'],
    ['chunks are out of order', (r) => [r[1]!, r[0]!, ...resigned(r).slice(2)], 'missing-chunk'],
    ['a chunk is damaged', (r) => resigned(r).with(1, flipped(r[1]!)), 'damaged-chunk'],
    [
      'a chunk is cut off',
      (r) => {
        const cut = { ...r[1]!, payload: r[1]!.payload.subarray(0, 20) };
        return resigned(r).with(1, cut);
      },
      'damaged-chunk',
    ],
    [
      'its manifest is damaged',
      (r) => resigned(r).with(-1, { ...last(resigned(r)), payload: Buffer.alloc(32) }),
      'damaged-manifest',
    ],
    [
      'its manifest names other offsets',
      (r) => {
        const { manifest, ...rest } = last(resigned(r));
        const deltaOffsets = manifest!.deltaOffsets.map((p) => ({ ...p, offset: p.offset + 1n }));
        return r.with(-1, { ...rest, manifest: { ...manifest!, deltaOffsets } });
      },
      'damaged-manifest',
    ],
    [
      'the hash of the whole is another',
      (r) => resigned(r, { sha256: 'f'.repeat(64) }),
      'wrong-hash',
    ],
    [
      'a newer version wrote it',
      (r) => resigned(r).with(-1, { ...last(resigned(r)), formatVersion: 2 }),
      'newer-format',
    ],
  ];

  for (const [what, change, reason] of cases) {
    it(`where ${what} (${reason})`, async () => {
      await world.learn(deltas.slice(0, 10));
      const { id } = await world.snapshot(400);
      await world.learn(deltas.slice(10, 20));
      await world.damaged(change);
      await world.learn(deltas.slice(20));
      const { model, snapshot, refused } = await rebuildModel(world.transport, world.config);
      expect(refused).toMatchObject([{ reason }]);
      expect(snapshot?.id).toBe(id);
      expect(model.digest()).toBe(sum(deltas).digest());
    });
  }

  it('where it is no Avro at all (undecodable), and the deltas alone do where nothing is left', async () => {
    await world.learn(deltas);
    const producer = await world.transport.producer();
    const { modelSnapshotsTopic: topic } = world.config;
    await producer.send([{ topic, partition: 0, key: 'x', value: Buffer.from('no avro') }]);
    await producer.close();
    const { model, snapshot, refused } = await rebuildModel(world.transport, world.config);
    expect(refused).toMatchObject([{ reason: 'undecodable' }]);
    expect(snapshot).toBeNull();
    expect(model.digest()).toBe(sum(deltas).digest());
  });

  it('where it was torn: chunks of a transaction that did not end are not seen', async () => {
    await world.learn(deltas.slice(0, 20));
    const { id } = await world.snapshot();
    const producer = await world.transport.transactionalProducer('torn', 60_000);
    await producer.init();
    const transaction = await producer.begin();
    const { modelSnapshotsTopic: topic } = world.config;
    await transaction.send([{ topic, partition: 0, key: 'torn/0', value: Buffer.alloc(10) }]);
    const open = await rebuildModel(world.transport, world.config);
    expect(open.snapshot?.id).toBe(id);
    await transaction.abort();
    const aborted = await rebuildModel(world.transport, world.config);
    expect(aborted.snapshot?.id).toBe(id);
    expect([...open.refused, ...aborted.refused]).toEqual([]);
    await producer.close();
  });
});

describe('a start that would be wrong is refused', () => {
  it('where deltas were deleted and no snapshot makes them superfluous', async () => {
    await world.learn(deltas);
    await world.admin.deleteRecords(world.config.modelDeltasTopic, new Map([[1, 2n]]));
    await expect(rebuildModel(world.transport, world.config)).rejects.toMatchObject({
      code: 'MODEL_LOG_TRUNCATED',
      disposition: 'fatal',
      message: expect.stringContaining('there is no snapshot that can be used'),
    });
  });

  it('where deltas after the newest snapshot were deleted', async () => {
    await world.learn(deltas.slice(0, 10));
    await world.snapshot();
    await world.learn(deltas.slice(10));
    await world.admin.deleteRecords(world.config.modelDeltasTopic, new Map([[0, 8n]]));
    await expect(rebuildModel(world.transport, world.config)).rejects.toMatchObject({
      code: 'MODEL_LOG_TRUNCATED',
      message: expect.stringContaining('goes on from offset 6'),
    });
  });

  it('where the delta topic was made anew below the snapshot', async () => {
    await world.learn(deltas);
    await world.snapshot();
    const { modelDeltasTopic: topic } = world.config;
    await world.admin.deleteTopics([topic]);
    await world.admin.createTopics([{ topic, partitions: 2 }]);
    await expect(rebuildModel(world.transport, world.config)).rejects.toMatchObject({
      code: 'SNAPSHOT_AHEAD_OF_LOG',
    });
  });

  it('where the model has other options now, and says what to do', async () => {
    await world.learn(deltas);
    await world.snapshot();
    const config = { ...world.config, learner: { ...world.config.learner, dimension: 8 } };
    await expect(rebuildModel(world.transport, config)).rejects.toMatchObject({
      code: 'SNAPSHOT_MISMATCH',
      disposition: 'usage',
      message: expect.stringMatching(/ISTHMUS_LEARNER_DIMENSION was 4 and is 8.*ISTHMUS_APP_ID/),
    });
  });
});

it('a loaded model is the one that was written, to the order of every row', async () => {
  const model = sum(deltas);
  await world.write({ model, pending: () => [], positions: () => [0n, 0n] });
  const loaded = await rebuildModel(world.transport, world.config);
  expect(portrait(loaded.model)).toEqual(portrait(model));
});
