import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeDelta } from '../../src/online/delta-codec.js';
import { Model } from '../../src/online/model.js';
import { SnapshotAssembler } from '../../src/online/snapshot/assemble.js';
import { AvroWriter } from '../../src/serde/avro-writer.js';
import { Serde } from '../../src/serde/serde.js';
import type { UserStateRecord } from '../../src/serde/types.js';
import { encodeUser, userFromRecord } from '../../src/serde/user-state.js';
import { snapshotInfo } from '../../src/snapshots/manifest.js';

/**
 * Records of formats that were written once, each behind its length (u32, little-endian). They are
 * what stands in people's topics: a file is added for a new version and none is ever made anew.
 * Delta and snapshot of the same number are of the same model; the number is that of the newest payload in
 * them (its first byte), since what a model does not have is written as it ever was.
 */
const VERSIONS = [
  {
    version: 1,
    sha256: '299904a52f4c1fdc007ecceb40b8cc16cb42ad0863bc9efb380609f07d8700c8',
    trainedEvents: 65,
    rows: 7,
    item: ['books', 'été'],
  },
  {
    // With counts of items seen together.
    version: 2,
    sha256: '1c6ae5baffa7c912ead163f145e3ce3e1525b3fe69dc80f1262d09c6715c0dcf',
    trainedEvents: 66,
    rows: 15,
    item: ['films', '3'],
  },
  {
    // With what is known of items.
    version: 3,
    sha256: '52206c262d167ece09960b3de4a11d4c8fab2f1d189f240820d35a01846b7365',
    trainedEvents: 83,
    rows: 20,
    item: ['games', '9'],
  },
  {
    // With features of items.
    version: 4,
    sha256: 'f25bf89d8aaf19a50b04bd80db4822376d9ffa83159938bd092522ccc7402741',
    trainedEvents: 79,
    rows: 16,
    item: ['games', '5'],
  },
] as const;
const OPTIONS = { seed: 7, dimension: 4, initialScale: 0.02 };
/** What stands in user-state-v1.bin. */
const USER: UserStateRecord = {
  formatVersion: 1,
  userId: 'été',
  histories: [
    {
      domain: 'books',
      count: 70,
      entries: [
        { itemId: 'dune', weight: 1, occurredAtMs: 1_700_000_000_000 },
        { itemId: 'été', weight: 0.25, occurredAtMs: 1_700_000_060_000 },
      ],
    },
    {
      domain: 'films',
      count: 1,
      entries: [{ itemId: 'dune', weight: 0, occurredAtMs: 1_700_000_120_000 }],
    },
  ],
  basedOn: {
    topic: 'behavior-events',
    partition: 3,
    offset: 4_294_967_296n,
    occurredAtMs: 1_700_000_120_000,
  },
  answeredOffset: -1n,
  lastListAtMs: 1_700_000_121_000,
  minute: 28_333_335,
  minuteCount: 2,
  recentEventIds: [{ hash: 2 ** 53 - 3, occurredAtMs: 1_700_000_120_000 }],
};
const serde = new Serde();

function recordsOf(name: string): Buffer[] {
  const bytes = readFileSync(new URL(name, import.meta.url));
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    records.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return records;
}

describe.each(VERSIONS)('format $version', ({ version, sha256, trainedEvents, rows, item }) => {
  it('of deltas still adds up to the same model', () => {
    const model = new Model(OPTIONS);
    let newest = 0;
    for (const record of recordsOf(`delta-v${version}.bin`)) {
      const { events, payload, formatVersion } = serde.deltas.decode(record);
      expect(formatVersion).toBe(1);
      newest = Math.max(newest, payload[0]!);
      const delta = decodeDelta(payload);
      expect(delta.events).toBe(events);
      model.apply(delta);
    }
    expect(newest).toBe(version);
    expect(model.digest()).toBe(sha256);
    expect(model.trainedEvents).toBe(trainedEvents);
  });

  it('of snapshots is still the same model', () => {
    const records = recordsOf(`snapshot-v${version}.bin`).map((r) => serde.snapshots.decode(r));
    const { id, manifest } = snapshotInfo(records.at(-1)!, 100n);
    expect(id).toBe('20260101T000000000Z-golden');
    expect(manifest).toMatchObject({ sha256, trainedEvents, rows, ...OPTIONS });
    expect(manifest.deltaOffsets).toEqual([
      { topic: 'isthmus.model-deltas', partition: 0, offset: 8n },
    ]);
    const model = new Model(OPTIONS);
    const assembler = new SnapshotAssembler(model);
    const chunks = records.slice(0, -1);
    for (const { payload } of chunks) assembler.add(payload);
    assembler.finish();
    expect(Math.max(...chunks.map(({ payload }) => payload[0]!))).toBe(version);
    expect(model.digest()).toBe(sha256);
    const [domain, itemId] = item;
    expect(model.key(model.find(domain, itemId))).toBe(`${domain}/${itemId}`);
  });
});

describe('format 1 of users', () => {
  it('is still the same user, whom the writer of today writes as then', () => {
    const [record] = recordsOf('user-state-v1.bin');
    const state = serde.userStates.decode(record!);
    expect(state).toEqual(USER);
    const model = new Model(OPTIONS);
    const user = userFromRecord(state, model);
    expect(
      [...user.histories].map(({ domain, count }) => [model.domainName(domain), count]),
    ).toEqual([
      ['books', 70],
      ['films', 1],
    ]);
    // What is written later may say more; what was written then it still says.
    const bytes = encodeUser(new AvroWriter(), serde.userStates.id, user, model);
    expect(serde.userStates.decode(bytes)).toMatchObject(USER);
  });
});

describe('a format of a newer isthmus', () => {
  it('is refused with a sentence that says so', () => {
    const { payload } = serde.deltas.decode(recordsOf('delta-v1.bin')[0]!);
    const delta = Buffer.from(payload);
    delta.writeUInt8(200, 0);
    expect(() => decodeDelta(delta)).toThrow('it comes from a newer isthmus');

    const records = recordsOf('snapshot-v1.bin').map((r) => serde.snapshots.decode(r));
    const chunk = Buffer.from(records[0]!.payload);
    chunk.writeUInt8(200, 0);
    expect(() => new SnapshotAssembler(new Model(OPTIONS)).add(chunk)).toThrow(
      'it comes from a newer isthmus',
    );
    expect(() => snapshotInfo({ ...records.at(-1)!, formatVersion: 200 }, 9n)).toThrow(
      'a newer isthmus wrote it',
    );
    expect(() => userFromRecord({ ...USER, formatVersion: 2 }, new Model(OPTIONS))).toThrow(
      'the state of user été has format version 2, known is 1: it comes from a newer isthmus',
    );
  });
});
