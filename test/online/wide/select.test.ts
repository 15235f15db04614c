import { expect, it } from 'vitest';
import { kthLargest } from '../../../src/online/wide/select.js';
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
