import { describe, expect, it } from 'vitest';
import { Model } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import { fc } from '../support/properties.js';
import { DIMENSION, OPTIONS, portrait, randomDelta, randomDeltas } from './model-fixtures.js';

function sum(...deltas: Parameters<Model['apply']>[0][]): Model {
  const model = new Model(OPTIONS);
  for (const delta of deltas) model.apply(delta);
  return model;
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const copy = values.slice();
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

describe('the model is the sum of its deltas', () => {
  it('is the same in any order of the same deltas', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const deltas = randomDeltas(seed, 6);
        const order = shuffled(deltas, Random.of('order', seed));
        expect(sum(...order).digest()).toBe(sum(...deltas).digest());
      }),
      { numRuns: 50 },
    );
  });

  it('apply then revert leaves digest, arrays and row order as they were', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 4 }), (seed, undone) => {
        const deltas = randomDeltas(seed, 3 + undone);
        const model = sum(...deltas.slice(0, 3));
        const before = portrait(model);
        for (const delta of deltas.slice(3)) model.apply(delta);
        for (const delta of deltas.slice(3).reverse()) model.revert(delta);
        expect(portrait(model)).toEqual(before);
      }),
      // The example: a domain that comes with a delta and goes with it, once its W_c had changed.
      { numRuns: 50, examples: [[165276751, 4]] },
    );
  });

  it('reverting out of order leaves the sum of the others', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 5 }), (seed, which) => {
        const deltas = randomDeltas(seed, 6);
        const model = sum(...deltas);
        model.revert(deltas[which]!);
        const others = sum(...deltas.filter((_, i) => i !== which));
        expect(model.digest()).toBe(others.digest());
        for (let i = 0; i < others.domainCount; i++) {
          const domain = model.findDomain(others.domainName(i));
          expect(model.eventsOf(domain)).toBe(others.eventsOf(i));
          expect(model.rowsOf(domain).length).toBe(others.rowsOf(i).length);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('random applies, reverts and readings on two replicas end in the same bits', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = Random.of('histories', seed);
        const kept = randomDeltas(seed, 5);
        const replicas = [0, 1].map(() => {
          const model = new Model(OPTIONS);
          for (const delta of shuffled(kept, random)) {
            const doomed = randomDelta(random);
            model.apply(doomed);
            if (random.below(2) === 0) model.intern('films', `touched-${random.below(4)}`);
            model.apply(delta);
            model.revert(doomed);
          }
          return model.digest();
        });
        expect(replicas[0]).toBe(replicas[1]);
        expect(replicas[0]).toBe(sum(...kept).digest());
      }),
      { numRuns: 50 },
    );
  });

  it('does not depend on the order in which rows were interned', () => {
    const deltas = randomDeltas(3, 8);
    const model = new Model(OPTIONS);
    for (let i = 11; i >= 0; i--) model.intern('books', String(i));
    for (const delta of deltas) model.apply(delta);
    const plain = sum(...deltas);
    expect(model.digest()).toBe(plain.digest());
    const names = (m: Model) => {
      const { rows, length } = m.rowsOf(m.findDomain('books'));
      return Array.from(rows.subarray(0, length), (row) => m.key(row));
    };
    expect(names(model)).toEqual(names(plain));
  });
});

describe('reading', () => {
  it('changes nothing in the digest', () => {
    const model = sum(...randomDeltas(1, 4));
    const before = model.digest();
    model.intern('films', 'never seen');
    model.intern('games', 'never seen');
    model.domainIndex('songs');
    for (const key of ['W/songs', 'A/songs/films', 'gate/songs/films', 'R', 'prior/songs']) {
      model.block(key);
      model.blockOf(key);
    }
    model.find('films', 'nor this');
    expect(model.digest()).toBe(before);
  });

  it('keeps rows that were interned where they are, whatever is reverted', () => {
    const [delta] = randomDeltas(2, 1);
    const model = new Model(OPTIONS);
    model.apply(delta!);
    const row = model.intern('films', 'held by a ring');
    model.revert(delta!);
    expect(model.key(row)).toBe('films/held by a ring');
    expect(model.find('films', 'held by a ring')).toBe(row);
  });
});

describe('initial values', () => {
  it('of a row depend on seed and key alone, and lie on the grid', () => {
    const one = new Model(OPTIONS);
    const two = new Model(OPTIONS);
    one.intern('books', 'x');
    const a = one.intern('films', 'y');
    const b = two.intern('films', 'y');
    const read = (m: Model, row: number) =>
      Array.from(m.items.embeddings.subarray(row * DIMENSION, (row + 1) * DIMENSION));
    expect(read(one, a)).toEqual(read(two, b));
    for (const value of read(one, a)) expect(Number.isInteger(value * 2 ** 20)).toBe(true);
    const other = new Model({ ...OPTIONS, seed: 8 });
    expect(read(other, other.intern('films', 'y'))).not.toEqual(read(one, a));
  });

  it('have the standard deviation that was asked for', () => {
    const model = new Model({ seed: 1, dimension: 32, initialScale: 0.02 });
    let squares = 0;
    for (let i = 0; i < 200; i++) model.intern('films', String(i));
    const values = model.items.embeddings.subarray(0, 200 * 32);
    for (const value of values) squares += value * value;
    expect(Math.sqrt(squares / values.length)).toBeCloseTo(0.02, 3);
  });

  it('of dense blocks are the identity, zero and one', () => {
    const model = new Model({ ...OPTIONS, dimension: 2 });
    expect(Array.from(model.block('W/s'))).toEqual([1, 0, 0, 1, 0, 0]);
    expect(Array.from(model.block('R'))).toEqual([1, 0, 0, 1, 0, 0]);
    expect(Array.from(model.block('A/s/t'))).toEqual([1, 0, 0, 1]);
    expect(Array.from(model.block('gate/s/t'))).toEqual([0]);
    expect(Array.from(model.block('prior/t'))).toEqual([1]);
    expect(model.blockShape('W/s')).toEqual({ rows: 3, width: 2 });
  });
});

describe('what is refused', () => {
  it('a delta of another dimension, an unknown block, a revert of what was not applied', () => {
    const model = new Model(OPTIONS);
    const delta = randomDeltas(5, 20).find((candidate) => candidate.items.keys.length > 0);
    const wide = new Model({ ...OPTIONS, dimension: 5 });
    expect(() => wide.apply(delta!)).toThrow(/dimension/);
    expect(wide.items.size).toBe(0);
    expect(() => model.block('B/x')).toThrow(/B\/x/);
    expect(() => model.block('constructor')).toThrow();
    expect(() => model.revert(delta!)).toThrow(/was the delta applied/);
    expect(() => model.domainIndex('a/b')).toThrow(/name/);
  });

  it('nothing else: an item id may hold a slash', () => {
    const model = new Model(OPTIONS);
    const row = model.intern('apps', 'com/example/a');
    expect(model.itemId(row)).toBe('com/example/a');
    expect(model.domainName(model.domainOf(row))).toBe('apps');
  });
});

it('a table keeps its rows when it grows', () => {
  const model = new Model(OPTIONS);
  const first = model.intern('films', 'first');
  const before = Array.from(model.items.embeddings.subarray(0, DIMENSION));
  for (let i = 0; i < 1000; i++) model.intern('films', String(i));
  expect(first).toBe(0);
  expect(Array.from(model.items.embeddings.subarray(0, DIMENSION))).toEqual(before);
});

it('the norms of the rows are those of their embeddings, whatever happened', () => {
  const model = new Model(OPTIONS);
  const deltas = randomDeltas(6, 10);
  for (const delta of deltas) model.apply(delta);
  for (let i = 0; i < 100; i++) model.intern('films', `new ${i}`);
  for (const delta of deltas.slice(5)) model.revert(delta);
  const { embeddings, norms, size } = model.items;
  for (let row = 0; row < size; row++) {
    const norm = Math.hypot(...embeddings.subarray(row * DIMENSION, (row + 1) * DIMENSION));
    expect(norms[row]).toBeCloseTo(norm, 5);
  }
});
