import { describe, expect, it } from 'vitest';
import { Random } from '../../src/online/random.js';

describe('a generator', () => {
  it('gives these numbers for these parts, today and on every platform', () => {
    const random = Random.of(1, 'topic', 2n);
    const drawn = [random.next(), random.next(), random.next(), random.next()];
    expect(drawn).toEqual([3704224312, 4213728994, 114309176, 1900782629]);
  });

  it('starts from all its parts, their types and their order', () => {
    const parts = [
      [1, 2],
      [2, 1],
      ['1', '2'],
      ['12'],
      [12],
      ['1', 2],
      [1n, 2n],
      [1n << 40n],
      [1n << 72n],
      [0.5],
      [],
      ['', ''],
    ];
    const first = parts.map((seed) => Random.of(...seed).next());
    expect(new Set(first).size).toBe(parts.length);
  });

  it('spreads evenly, also from neighbouring seeds', () => {
    for (const draws of [
      Array.from({ length: 20_000 }, (_, i) => Random.of(i).below(10)),
      ((random) => Array.from({ length: 20_000 }, () => random.below(10)))(Random.of('one')),
    ]) {
      const counts = new Array<number>(10).fill(0);
      for (const draw of draws) counts[draw]!++;
      const chi2 = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
      // 9 degrees of freedom: above 27.9 with probability 0.001.
      expect(chi2).toBeLessThan(27.9);
    }
  });

  it('has floats in [0, 1) and normals of mean 0 and variance 1', () => {
    const random = Random.of('normal');
    const n = 50_000;
    let sum = 0;
    let squares = 0;
    let fourth = 0;
    for (let i = 0; i < n; i++) {
      const float = random.float();
      if (!(float >= 0 && float < 1)) expect.fail(`${float} is not in [0, 1)`);
      const x = random.normal();
      sum += x;
      squares += x * x;
      fourth += x ** 4;
    }
    expect(sum / n).toBeCloseTo(0, 1);
    expect(squares / n).toBeCloseTo(1, 1);
    // A sum of eight uniforms: 3 - 1.2 / 8.
    expect(Math.abs(fourth / n - 2.85)).toBeLessThan(0.1);
  });
});
