import { expect, it } from 'vitest';
import { kthLargest, sortHashes } from '../../../src/online/wide/select.js';
import { fc } from '../../support/properties.js';

it('finds what sorting would, ties and all', () => {
  const list = fc.array(fc.oneof(fc.nat({ max: 4 }), fc.double({ noNaN: true })), { minLength: 1 });
  fc.assert(
    fc.property(list, fc.nat(), (values, pick) => {
      const k = 1 + (pick % values.length);
      const sorted = values.slice().sort((a, b) => b - a);
      // One more behind them that is not to be looked at.
      const found = kthLargest(
        Float64Array.of(...values, Number.POSITIVE_INFINITY),
        values.length,
        k,
      );
      expect(found === sorted[k - 1]).toBe(true);
    }),
    { numRuns: 500 },
  );
});

it('sorts hashes, also where they are not spread', () => {
  const limit = 2 ** 52;
  const value = fc.oneof(
    fc.nat({ max: 9 }),
    fc.maxSafeNat().map((n) => n % limit),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 200 }), (values) => {
      const sorted = Float64Array.of(...values, -1);
      sortHashes(sorted, values.length, limit);
      expect([...sorted]).toEqual([...values.toSorted((a, b) => a - b), -1]);
    }),
    { numRuns: 300 },
  );
});
