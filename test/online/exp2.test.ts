import { expect, it } from 'vitest';
import { exp2 } from '../../src/online/exp2.js';
import { fc } from '../support/properties.js';

it('powers of two are those of the language, and whole ones exact', () => {
  for (let n = 0; n <= 1074; n++) expect(exp2(-n)).toBe(2 ** -n);
  fc.assert(
    fc.property(fc.double({ min: -1000, max: 0, noNaN: true }), (x) => {
      expect(Math.abs(exp2(x) / 2 ** x - 1)).toBeLessThan(1e-15);
    }),
    { numRuns: 2000 },
  );
});

it('what is too small is 0, and what is no number stays none', () => {
  expect(exp2(-1e9)).toBe(0);
  expect(exp2(Number.NEGATIVE_INFINITY)).toBe(0);
  expect(exp2(Number.NaN)).toBeNaN();
});
