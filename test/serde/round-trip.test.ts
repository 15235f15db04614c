import { describe, expect, it } from 'vitest';
import { resolve } from '../../src/serde/resolution.js';
import { readSchema, withUnits } from '../../src/serde/schemas.js';
import { Serde } from '../../src/serde/serde.js';
import { fc } from '../support/properties.js';
import * as random from './arbitraries.js';

const serde = new Serde();
const schema = readSchema('BehaviorEvent');
const lean = withUnits({ ...schema, fields: schema.fields.filter((f) => f.name !== 'context') });
/** The oracle: avsc's own resolution. */
const avsc = resolve<object>(lean, schema, { event: true });

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

  it('reads damaged bytes as avsc does: the same event, or none', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
    fc.assert(
      fc.property(random.event, random.context, damage, (event, context, places) => {
        const bytes = serde.events.encode({ ...event, context });
        for (const [place, byte] of places) bytes[5 + (place % (bytes.length - 5))] = byte;
        const oracle = lenient(() => avsc.read(bytes, 5));
        const outcome = lenient(() => serde.events.decode(bytes));
        // Below -2^52 avsc rounds; and where there are two reasons, either may be met first.
        fc.pre(typeof oracle === 'string' || (oracle as typeof event).occurredAtMs >= -(2 ** 52));
        if (typeof oracle === 'string') expect(typeof outcome).toBe('string');
        else expect(outcome).toEqual(oracle);
      }),
      { numRuns: 500 },
    );
  });
});
