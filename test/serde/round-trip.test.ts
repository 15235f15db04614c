import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Serde } from '../../src/serde/serde.js';
import * as random from './arbitraries.js';

const serde = new Serde();

/** Avro's records are instances of classes of avsc; as plain data they must be the same. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

describe('decode(encode(x)) = x', () => {
  it('for events, without their context', () => {
    fc.assert(
      fc.property(random.event, random.context, (event, context) => {
        const decoded = serde.events.decode(serde.events.encode({ ...event, context }));
        expect(plain(decoded)).toEqual(event);
      }),
    );
  });

  const cases = [
    ['items', serde.items, random.item],
    ['recommendation lists', serde.lists, random.list],
    ['user states', serde.userStates, random.userState],
    ['model deltas', serde.deltas, random.delta],
    ['snapshot chunks', serde.snapshots, random.chunk],
  ] as const;

  for (const [name, codec, arbitrary] of cases) {
    it(`for ${name}`, () => {
      const typed = codec as { encode(value: unknown): Buffer; decode(bytes: Buffer): unknown };
      fc.assert(
        fc.property(arbitrary as fc.Arbitrary<unknown>, (value) => {
          expect(plain(typed.decode(typed.encode(value)))).toEqual(value);
        }),
        { numRuns: 50 },
      );
    });
  }
});

describe('the decoder of our own events', () => {
  const lenient = (decode: () => unknown): unknown => {
    try {
      return plain(decode());
    } catch (error) {
      return (error as { reason: string }).reason;
    }
  };

  // A registry id with a schema of another shape (one field more) is read by avsc's resolution.
  const viaAvsc = serde.items;

  it('never reads what it cannot read: cut anywhere, an event is truncated', () => {
    fc.assert(
      fc.property(random.event, random.context, (event, context) => {
        const bytes = serde.events.encode({ ...event, context });
        for (let end = 5; end < bytes.length; end++) {
          expect(lenient(() => serde.events.decode(bytes.subarray(0, end)))).toBe('truncated');
        }
        const longer = Buffer.concat([bytes, Buffer.from([0])]);
        expect(lenient(() => serde.events.decode(longer))).toBe('trailing-bytes');
      }),
      { numRuns: 30 },
    );
  });

  it('ends on random bytes, with an event or a reason', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        const header = serde.events.encode({
          userId: '',
          itemId: '',
          domain: '',
          action: '',
          value: null,
          occurredAtMs: 0,
          eventId: null,
        });
        const bytes = Buffer.concat([header.subarray(0, 5), body]);
        const outcome = lenient(() => serde.events.decode(bytes));
        expect(['object', 'string']).toContain(typeof outcome);
      }),
      { numRuns: 500 },
    );
    expect(viaAvsc.name).toBe('Item');
  });
});
