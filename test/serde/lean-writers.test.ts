import { describe, expect, it } from 'vitest';
import { Model } from '../../src/online/model.js';
import type { BasedOn } from '../../src/online/types.js';
import { RING_SIZE, User } from '../../src/online/user.js';
import { AvroWriter } from '../../src/serde/avro-writer.js';
import { encodeList } from '../../src/serde/lean-list.js';
import { Serde } from '../../src/serde/serde.js';
import { FORMAT_VERSION, type UserStateRecord } from '../../src/serde/types.js';
import { encodeUser, userFromRecord } from '../../src/serde/user-state.js';
import { fc } from '../support/properties.js';

const serde = new Serde();
/** Short and long, ASCII and not, with halves of surrogates replaced as in any UTF-8. */
const text = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 70 }),
  fc.string({ minLength: 40, maxLength: 70 }),
);
const float = fc.float({ noNaN: true, min: 0, max: 1 });
const time = fc.integer({ min: 0, max: 4_102_444_800_000 });
const basedOn: fc.Arbitrary<BasedOn> = fc.record({
  topic: fc.constantFrom('events', 'behaviour.événements'),
  partition: fc.nat(1000),
  offset: fc.bigInt({ min: 0n, max: 2n ** 53n - 2n }),
  occurredAtMs: time,
});

describe('the lean writer', () => {
  it('writes the bytes of a list that the codec writes', () => {
    const list = fc.record({
      userId: text,
      domain: fc.constantFrom('books', 'films'),
      items: fc.array(
        fc.record({
          itemId: text,
          score: float,
          because: fc.array(fc.record({ itemId: text, domain: text }), { maxLength: 3 }),
        }),
        { maxLength: 12 },
      ),
      transfer: fc.array(fc.record({ fromDomain: text, weight: float }), { maxLength: 4 }),
    });
    const writer = new AvroWriter();
    fc.assert(
      fc.property(list, basedOn, fc.nat(), time, (list, basedOn, modelVersion, generatedAtMs) => {
        const lineage = { modelVersion, basedOn, generatedAtMs };
        const bytes = encodeList(writer, serde.lists.id, list, lineage);
        expect(bytes).toEqual(serde.lists.encode({ ...list, ...lineage }));
      }),
    );
  });

  it('writes the bytes of a user that the codec writes, and the user comes back', () => {
    const touch = fc.record({
      domain: fc.constantFrom('books', 'films', 'apps'),
      itemId: text,
      weight: float,
      occurredAtMs: time,
    });
    const state = fc.record({
      touches: fc.array(touch, { maxLength: 2 * RING_SIZE }),
      basedOn: fc.option(basedOn),
      answeredOffset: fc.bigInt({ min: -1n, max: 2n ** 40n }),
      minuteCount: fc.nat(400),
      recentEventIds: fc.array(
        fc.record({ hash: fc.integer({ min: 0, max: 2 ** 52 - 1 }), occurredAtMs: time }),
        { maxLength: 5 },
      ),
    });
    const writer = new AvroWriter();
    fc.assert(
      fc.property(text, state, (id, { touches, ...rest }) => {
        const model = new Model({ seed: 1, dimension: 4, initialScale: 0.1 });
        const user = Object.assign(new User(id), rest);
        for (const { domain, itemId, weight, occurredAtMs } of touches) {
          const row = model.intern(domain, itemId);
          user.push(row, model.domainOf(row), weight, occurredAtMs);
        }
        const bytes = encodeUser(writer, serde.userStates.id, user, model);
        expect(bytes).toEqual(serde.userStates.encode(recordOf(user, model)));
        const read = userFromRecord(serde.userStates.decode(bytes), model);
        expect(encodeUser(writer, serde.userStates.id, read, model)).toEqual(bytes);
      }),
      { numRuns: 200 },
    );
  });

  it('grows with what it is given, and what it gave away stays as it was', () => {
    const writer = new AvroWriter();
    writer.begin(7);
    writer.text('first');
    const first = writer.finish();
    const before = Buffer.from(first);
    writer.begin(7);
    const long = 'å'.repeat(100_000);
    writer.text(long);
    writer.float(0.5);
    expect(writer.finish().length).toBe(5 + 3 + 200_000 + 4);
    expect(first).toEqual(before);
  });

  it.each([Number.NaN, 0.5, 2 ** 53, -(2 ** 52) - 1, Number.POSITIVE_INFINITY])(
    'refuses %d as a long, as avsc does',
    (value) => {
      const writer = new AvroWriter();
      writer.begin(1);
      expect(() => writer.long(value)).toThrow(TypeError);
    },
  );

  it.each([0, 1, -1, 63, 64, -64, -65, 2 ** 30 - 1, 2 ** 30, 2 ** 40 + 1, 2 ** 53 - 2, -(2 ** 52)])(
    'writes the long %d so that it comes back',
    (value) => {
      const writer = new AvroWriter();
      writer.begin(1);
      writer.long(value);
      expect(varint(writer.finish().subarray(5))).toBe(BigInt(value));
    },
  );
});

function recordOf(user: User, model: Model): UserStateRecord {
  return {
    formatVersion: FORMAT_VERSION,
    userId: user.id,
    histories: user.histories.map((history) => ({
      domain: model.domainName(history.domain),
      count: history.count,
      entries: history.rows.map((row, i) => ({
        itemId: model.itemId(row),
        weight: history.weights[i]!,
        occurredAtMs: history.times[i]!,
      })),
    })),
    basedOn: user.basedOn,
    answeredOffset: user.answeredOffset,
    lastListAtMs: user.lastListAtMs,
    minute: user.minute,
    minuteCount: user.minuteCount,
    recentEventIds: user.recentEventIds,
  };
}

function varint(bytes: Buffer): bigint {
  let zigzag = 0n;
  for (const [i, byte] of bytes.entries()) zigzag |= BigInt(byte & 127) << BigInt(7 * i);
  return zigzag % 2n === 0n ? zigzag / 2n : -(zigzag + 1n) / 2n;
}
