import { describe, expect, it } from 'vitest';
import { NO_SAMPLES, observed } from '../../../src/online/drift/detector.js';
import { stepBoost, watchDrift } from '../../../src/online/drift/drift.js';
import { driftDelta, driftState } from '../../../src/online/drift/record.js';
import { emptyDelta } from '../../../src/online/empty-delta.js';
import { Model } from '../../../src/online/model.js';
import { Random } from '../../../src/online/random.js';
import type { BlockDelta } from '../../../src/online/types.js';

const OPTIONS = { driftBoost: 50, driftThreshold: 20 };

function world() {
  const model = new Model({ seed: 1, dimension: 4, initialScale: 0.02 });
  const [books, films] = [model.domainIndex('books'), model.domainIndex('films')];
  return { model, books, films };
}

const apply = (model: Model, blocks: readonly BlockDelta[]): void =>
  model.apply({ ...emptyDelta(), blocks });

describe('what detectors know', () => {
  it('is in the model: read back it is what was written, to the unit', () => {
    const { model, books, films } = world();
    const random = Random.of('losses');
    let expected = NO_SAMPLES;
    for (let batch = 0; batch < 100; batch++) {
      const probes = Array.from({ length: 5 }, () => ({
        source: books,
        target: films,
        loss: random.normal(),
      }));
      for (const { loss } of probes) expected = observed(expected, loss, OPTIONS.driftThreshold);
      const { blocks } = watchDrift(model, probes, OPTIONS);
      expect(blocks.map(({ key }) => key)).toEqual(['drift/books/films']);
      expect([...blocks[0]!.accumulators].every(Number.isSafeInteger)).toBe(true);
      apply(model, blocks);
    }
    const state = driftState(model.blockOf('drift/books/films').accumulators);
    for (const field of ['weight', 'sum', 'squares', 'excess'] as const) {
      expect(state[field]).toBeCloseTo(expected[field], 3);
    }
    expect(state.weight).toBeGreaterThan(200);
  });

  it('changes nothing but by the delta, and goes with it', () => {
    const { model, books, films } = world();
    const probes = [{ source: films, target: books, loss: 1.5 }];
    const before = model.digest();
    const { blocks } = watchDrift(model, probes, OPTIONS);
    expect(model.digest()).toBe(before);
    apply(model, blocks);
    expect(model.digest()).not.toBe(before);
    model.revert({ ...emptyDelta(), blocks });
    expect(model.digest()).toBe(before);
  });

  it('is nothing where two tasks took it away at once, and comes right again', () => {
    const start = { ...NO_SAMPLES, weight: 300, sum: 30, squares: 400, excess: 19, drifts: 0 };
    const accumulators = new Float64Array(6);
    const add = ({ accumulators: added }: BlockDelta): void =>
      added.forEach((value, i) => {
        accumulators[i]! += value;
      });
    add(driftDelta('drift/a/b', accumulators, start));
    const found = observed(driftState(accumulators), 10, 20);
    expect(found.drifts).toBe(1);
    const twice = driftDelta('drift/a/b', accumulators, found);
    add(twice);
    add(twice);
    expect(accumulators[0]).toBeLessThan(0);
    expect(driftState(accumulators)).toMatchObject({ weight: 0, excess: 0, boost: 1, drifts: 2 });
    const next = observed(driftState(accumulators), 0.5, 20);
    add(driftDelta('drift/a/b', accumulators, next));
    expect(driftState(accumulators)).toMatchObject({ weight: 1, sum: 0.5, squares: 0.25 });
  });
});

describe('a drift', () => {
  const drifted = (source: 'books' | 'films') => {
    const { model, ...domains } = world();
    const samples = [...Array.from({ length: 400 }, (_, i) => i % 2), ...Array(40).fill(3)];
    const probes = samples.map((loss) => ({
      source: domains[source],
      target: domains.films,
      loss,
    }));
    const { blocks, drifts } = watchDrift(model, probes, OPTIONS);
    apply(model, blocks);
    return { model, drifts };
  };

  it('of a pair makes the steps of its mapping larger, and of no other block', () => {
    const { model, drifts } = drifted('books');
    expect(drifts).toEqual([{ source: 'books', target: 'films' }]);
    expect(stepBoost(model, 'A/books/films', OPTIONS)).toBeGreaterThan(40);
    expect(stepBoost(model, 'A/books/films', OPTIONS)).toBeLessThanOrEqual(50);
    for (const key of ['A/films/books', 'A/shops/films', 'W/films', 'R', 'gate/books/films']) {
      expect(stepBoost(model, key, OPTIONS), key).toBe(1);
    }
  });

  it('of a domain makes the steps of all mappings to it larger', () => {
    const { model, drifts } = drifted('films');
    expect(drifts).toEqual([{ source: 'films', target: 'films' }]);
    expect(stepBoost(model, 'A/books/films', OPTIONS)).toBeGreaterThan(40);
    expect(stepBoost(model, 'A/shops/films', OPTIONS)).toBeGreaterThan(40);
    expect(stepBoost(model, 'A/films/books', OPTIONS)).toBe(1);
  });
});
