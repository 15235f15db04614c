import type {
  ModelDeltaRecord,
  RecommendationList,
  SnapshotChunkRecord,
  UserStateRecord,
} from '../../src/serde/types.js';
import { fc } from '../support/properties.js';

/** Random records, for the round trips. Longs stay where the codecs promise to be exact. */
const text = fc
  .string({ unit: 'binary', maxLength: 40 })
  .filter((s) => Buffer.from(s).toString() === s);
const long = fc.integer({ min: -(2 ** 52), max: 2 ** 53 - 2 });
const int = fc.integer();
const double = fc.double({ noNaN: true });
const float = fc.float({ noNaN: true });
const offset = fc.integer({ min: 0, max: 2 ** 53 - 2 }).map(BigInt);
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

export const event = fc.record({
  userId: text,
  itemId: text,
  domain: text,
  action: text,
  value: fc.option(double),
  occurredAtMs: long,
  eventId: fc.option(text),
});

/** Keys of maps: avsc's are objects, which keep no such key. */
const name = text.filter((key) => key !== '__proto__');

export const context = fc.option(fc.dictionary(name, text, { maxKeys: 5, noNullPrototype: true }));

export const item = fc.record({
  itemId: text,
  domain: text,
  title: fc.option(text),
  categories: fc.array(text),
  text: fc.option(text),
  tags: fc.array(text),
  vectors: fc.dictionary(name, fc.array(float)),
});

const basedOn = fc.record({ topic: text, partition: int, offset, occurredAtMs: long });

export const list: fc.Arbitrary<RecommendationList> = fc.record({
  userId: text,
  domain: text,
  items: fc.array(
    fc.record({
      itemId: text,
      score: float,
      because: fc.array(fc.record({ itemId: text, domain: text }), { maxLength: 3 }),
    }),
  ),
  modelVersion: long,
  basedOn,
  transfer: fc.array(fc.record({ fromDomain: text, weight: float })),
  generatedAtMs: long,
});

const touch = fc.record({ itemId: text, weight: float, occurredAtMs: long });

export const userState: fc.Arbitrary<UserStateRecord> = fc.record({
  formatVersion: int,
  userId: text,
  histories: fc.array(
    fc.record({ domain: text, count: long, entries: fc.array(touch, { maxLength: 70 }) }),
    { maxLength: 4 },
  ),
  basedOn: fc.option(basedOn),
  answeredOffset: fc.oneof(offset, fc.constant(-1n)),
  lastListAtMs: long,
  minute: long,
  minuteCount: int,
  recentEventIds: fc.array(fc.record({ hash: long, occurredAtMs: long })),
});

export const delta: fc.Arbitrary<ModelDeltaRecord> = fc.record({
  formatVersion: int,
  app: text,
  task: text,
  process: text,
  sequence: long,
  part: int,
  parts: int,
  inputs: fc.record({
    topic: text,
    partition: int,
    firstOffset: offset,
    nextOffset: offset,
    records: long,
  }),
  events: long,
  payload,
});

export const chunk: fc.Arbitrary<SnapshotChunkRecord> = fc.record({
  formatVersion: int,
  app: text,
  snapshot: text,
  chunk: int,
  payload,
  manifest: fc.option(
    fc.record({
      trainedEvents: long,
      sha256: text,
      dimension: int,
      seed: double,
      initialScale: double,
      rows: long,
      bytes: long,
      chunkSha256: fc.array(text),
      deltaOffsets: fc.array(fc.record({ topic: text, partition: int, offset })),
      createdAtMs: long,
    }),
  ),
});
