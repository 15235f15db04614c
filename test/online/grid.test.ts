import { describe, expect, it } from 'vitest';
import {
  accumulatorUnits,
  deltaUnits,
  fromUnits,
  onGrid,
  toUnits,
  WEIGHT_LIMIT,
  WEIGHT_UNIT,
} from '../../src/online/grid.js';
import { fc } from '../support/properties.js';

const units = fc.integer({ min: -(2 ** 21), max: 2 ** 21 });

describe('the grid', () => {
  it('makes float32 sums independent of order, and subtraction exact', () => {
    fc.assert(
      fc.property(fc.array(units, { minLength: 1, maxLength: 7 }), (steps) => {
        const add = (order: number[]) =>
          order.reduce((sum, step) => Math.fround(sum + fromUnits(step)), 0);
        const sum = add(steps);
        expect(add(steps.slice().reverse())).toBe(sum);
        expect(add([...steps, ...steps.map((step) => -step)]) + 0).toBe(0);
        expect(toUnits(sum)).toBe(steps.reduce((a, b) => a + b, 0));
      }),
    );
  });

  it('holds what is rounded to it', () => {
    fc.assert(
      fc.property(fc.double({ min: -8, max: 8, noNaN: true }), (weight) => {
        const rounded = onGrid(weight);
        expect(Math.fround(rounded)).toBe(rounded);
        expect(Math.abs(rounded - weight)).toBeLessThanOrEqual(WEIGHT_UNIT / 2);
        expect(fromUnits(toUnits(weight)) + 0).toBe(rounded + 0);
      }),
    );
  });
});

describe('a step', () => {
  it('is cut so that the weight stays within the limit', () => {
    expect(fromUnits(deltaUnits(7.5, 3))).toBe(0.5);
    expect(fromUnits(deltaUnits(-7.5, -3))).toBe(-0.5);
    expect(fromUnits(deltaUnits(1, 0.25))).toBe(0.25);
    expect(fromUnits(deltaUnits(0, Number.POSITIVE_INFINITY))).toBe(WEIGHT_LIMIT);
  });

  it('stays NaN, so that it can be found', () => {
    expect(deltaUnits(1, Number.NaN)).toBeNaN();
    expect(accumulatorUnits(Number.NaN)).toBeNaN();
  });
});
