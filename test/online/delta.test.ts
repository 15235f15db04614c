import { describe, expect, it } from 'vitest';
import { deltaFault, mergeDeltas, plainSums } from '../../src/online/delta.js';
import { emptyDelta } from '../../src/online/empty-delta.js';
import { simdSums } from '../../src/online/kernels/simd-sums.js';
import { Model } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import type { Delta } from '../../src/online/types.js';
import { fc } from '../support/properties.js';
import { DIMENSION, OPTIONS, portrait, randomDeltas } from './model-fixtures.js';

function eventRows(model: Model): Map<string, string[]> {
  const byDomain = new Map<string, string[]>();
  for (let i = 0; i < model.domainCount; i++) {
    const { rows, length } = model.rowsOf(i);
    const keys = Array.from(rows.subarray(0, length), (row) => model.key(row));
    byDomain.set(model.domainName(i), keys);
  }
  return byDomain;
}

describe('merged deltas', () => {
  it('do what the deltas do one after the other, down to the order of rows with events', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 6 }), (seed, n) => {
        const deltas = randomDeltas(seed, n);
        const one = new Model(OPTIONS);
        for (const delta of deltas) one.apply(delta);
        const merged = new Model(OPTIONS);
        merged.apply(mergeDeltas(deltas));
        expect(merged.digest()).toBe(one.digest());
        expect(eventRows(merged)).toEqual(eventRows(one));
      }),
      { numRuns: 100 },
    );
  });

  it('are the same however they are grouped', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 6 }), (seed, cut) => {
        const deltas = randomDeltas(seed, 6);
        const grouped = mergeDeltas([
          mergeDeltas(deltas.slice(0, cut)),
          mergeDeltas(deltas.slice(cut)),
        ]);
        expect(grouped).toEqual(mergeDeltas(deltas));
      }),
      { numRuns: 100 },
    );
  });

  it('take away what a sequence added', () => {
    const deltas = randomDeltas(11, 5);
    const model = new Model(OPTIONS);
    for (const delta of deltas) model.apply(delta);
    model.revert(mergeDeltas(deltas));
    expect(portrait(model)).toEqual(portrait(new Model(OPTIONS)));
  });

  it('are told by keys where the numbers of rows have changed their meaning', () => {
    const model = new Model(OPTIONS);
    const delta = (key: string, number: number): Delta => ({
      ...emptyDelta(),
      events: 1,
      items: {
        keys: [key],
        rows: { numbers: Int32Array.of(number), numbering: model.numbering },
        counts: Int32Array.of(1),
        values: new Int32Array(DIMENSION + 1).fill(3),
        accumulators: new Float64Array(2),
      },
    });
    const { rows: _, ...named } = delta('films/gone', 0).items;
    model.apply({ ...emptyDelta(), items: named });
    const stale = delta('films/gone', 0);
    model.revert(stale);
    const fresh = delta('films/fresh', 0);
    model.intern('films', 'fresh');
    expect(mergeDeltas([stale, fresh]).items.keys).toEqual(['films/gone', 'films/fresh']);
    model.apply(stale);
    expect(model.items.counts[model.find('films', 'gone')]).toBe(1);
    expect(model.items.counts[model.find('films', 'fresh')]).toBe(0);
  });

  it('leave their parts alone', () => {
    const deltas = randomDeltas(12, 4);
    const before = structuredClone(deltas);
    mergeDeltas(deltas);
    expect(deltas).toEqual(before);
  });
});

it('sums by a kernel are those of the loops', () => {
  const whole = fc.integer({ min: -(2 ** 25), max: 2 ** 25 });
  const shape = fc.record({
    size: fc.integer({ min: 1, max: 50 }),
    width: fc.integer({ min: 0, max: 37 }),
    lengths: fc.array(fc.nat({ max: 60 }), { maxLength: 5 }),
  });
  fc.assert(
    fc.property(shape, fc.nat(), whole, ({ size, width, lengths }, seed, least) => {
      const random = Random.of('sums', seed);
      const columns = lengths.map((n) => ({
        values: Int32Array.from({ length: n * width }, () => least + random.below(1000)),
        places: Int32Array.from({ length: n }, () => random.below(size)),
      }));
      expect(simdSums()!.sum(columns, size, width)).toEqual(plainSums.sum(columns, size, width));
      for (const { values } of columns) {
        expect(simdSums()!.magnitudes(values)).toBe(plainSums.magnitudes(values));
      }
    }),
  );
});

it('magnitudes by a kernel are those of the loop, of many values too', () => {
  const values = new Int32Array(10_001);
  for (const [at, value] of [
    [0, 5],
    [4095, -9],
    [4096, 1 << 20],
    [10_000, -(1 << 30)],
  ] as const) {
    values[at] = value;
    expect(simdSums()!.magnitudes(values)).toBe(plainSums.magnitudes(values));
  }
  expect(simdSums()!.magnitudes(values)).toBe(5 | 8 | (1 << 20) | ((1 << 30) - 1));
});

describe('the fault of a delta', () => {
  it('is none for sound ones', () => {
    for (const delta of [emptyDelta(), ...randomDeltas(4, 20)])
      expect(deltaFault(delta)).toBeNull();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 0.5])('names the accumulator %s', (value) => {
    const delta = randomDeltas(5, 20).find((d) => d.items.keys.length > 1 && d.blocks.length > 0)!;
    const item = structuredClone(delta);
    item.items.accumulators[3] = value;
    expect(deltaFault(item)).toContain(delta.items.keys[1]);
    const block = structuredClone(delta);
    block.blocks[0]!.accumulators[0] = value;
    expect(deltaFault(block)).toContain(delta.blocks[0]!.key);
  });

  it('names a weight that changes by more than the grid allows', () => {
    const delta = structuredClone(randomDeltas(5, 20).find((d) => d.items.keys.length > 1)!);
    delta.items.values[6] = 1 << 26;
    expect(deltaFault(delta)).toContain(delta.items.keys[1]);
  });
});
