import { expect, it } from 'vitest';
import { simdMatMul } from '../../src/online/kernels/simd-matmul.js';
import { Random } from '../../src/online/random.js';
import { fc } from '../support/properties.js';

const products = simdMatMul();
if (products === null) throw new Error('This Node has no WebAssembly with SIMD');

const size = fc.integer({ min: 1, max: 21 });

it('products of all shapes, transposed or not, are those of the definition', () => {
  fc.assert(
    fc.property(size, size, size, fc.boolean(), fc.boolean(), fc.nat(), (n, m, l, ta, tb, seed) => {
      const random = Random.of('matrices', seed);
      // Small whole numbers: every sum is exact.
      const a = Float32Array.from({ length: n * m }, () => random.below(9) - 4);
      const b = Float32Array.from({ length: m * l }, () => random.below(9) - 4);
      const c = products.multiply(a, ta ? m : n, ta ? n : m, b, tb ? l : m, tb ? m : l, ta, tb);
      const expected = Array.from({ length: n * l }, (_, at) => {
        const [r, k] = [Math.floor(at / l), at % l];
        let sum = 0;
        for (let t = 0; t < m; t++) {
          sum += a[ta ? t * n + r : r * m + t]! * b[tb ? k * m + t : t * l + k]!;
        }
        return sum;
      });
      expect(Array.from(c, (value) => value + 0)).toEqual(expected.map((value) => value + 0));
    }),
    { numRuns: 300 },
  );
});

it('a product larger than the memory makes it grow', () => {
  const n = 700;
  const ones = new Float32Array(n * n).fill(1);
  const c = products.multiply(ones, n, n, ones, n, n, false, true);
  expect(c.every((value) => value === n)).toBe(true);
});

it('matrices that do not fit are refused', () => {
  const a = new Float32Array(6);
  expect(() => products.multiply(a, 2, 3, a, 2, 3, false, false)).toThrow(RangeError);
});
