import { describe, expect, it } from 'vitest';
import { nextCycleMs, phaseOf } from '../../src/tasks/phase.js';

describe('the phase of a partition', () => {
  it.each([2, 4, 8, 64])('spreads the first %i evenly, and every other so many after them', (n) => {
    for (const first of [0, n, 3 * n]) {
      const places = Array.from({ length: n }, (_, i) => phaseOf(first + i));
      const from = Math.min(...places);
      const spread = places.map((phase) => (phase - from) * n).sort((a, b) => a - b);
      expect(spread).toEqual(Array.from({ length: n }, (_, i) => i));
    }
  });
});

describe('the next cycle', () => {
  it('begins at its phase, once in each interval', () => {
    expect(nextCycleMs(1_000, 100, 0)).toBe(1_100);
    expect(nextCycleMs(1_003, 100, 0)).toBe(1_100);
    expect(nextCycleMs(1_003, 100, 0.25)).toBe(1_125);
  });

  it('does not follow a late one at once', () => {
    expect(nextCycleMs(1_060, 100, 0)).toBe(1_200);
  });

  it('begins when something comes where nothing came for long', () => {
    expect(nextCycleMs(Number.NEGATIVE_INFINITY, 100, 0.5)).toBe(Number.NEGATIVE_INFINITY);
    expect(nextCycleMs(1_000, 100, 0.5)).toBeLessThan(1_200);
  });

  it('is never farther away than one interval and a half', () => {
    for (let last = 0; last < 200; last++) {
      for (const phase of [0, 0.125, 0.5, 0.75]) {
        const wait = nextCycleMs(last, 100, phase) - last;
        expect(wait).toBeGreaterThanOrEqual(50);
        expect(wait).toBeLessThan(150);
      }
    }
  });
});
