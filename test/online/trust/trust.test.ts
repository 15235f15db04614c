import { describe, expect, it } from 'vitest';
import { emptyDelta } from '../../../src/online/empty-delta.js';
import { Model } from '../../../src/online/model.js';
import { Trust, type TrustProbe, weighProbes } from '../../../src/online/trust/trust.js';

function worldOf(): { model: Model; films: number; books: number } {
  const model = new Model({ seed: 1, dimension: 8, initialScale: 0.02 });
  return { model, films: model.domainIndex('films'), books: model.domainIndex('books') };
}

function learn(model: Model, probes: readonly TrustProbe[]): void {
  model.apply({ ...emptyDelta(), blocks: weighProbes(model, probes) });
}

const many = (n: number, probe: (i: number) => TrustProbe): TrustProbe[] =>
  Array.from({ length: n }, (_, i) => probe(i));

describe('a domain is looked at in the lists of another', () => {
  it('as long as nothing is known, or what is known may be chance', () => {
    const { model, films, books } = worldOf();
    const trust = new Trust(model, 2);
    expect(trust.of(films, books, false)).toBe(true);
    // Three steps down and two up, of one size: √5 steps of spread.
    const gains = [-0.1, 0.1, -0.1, 0.1, -0.1];
    learn(
      model,
      many(5, (i) => ({ source: films, target: books, newcomer: false, gain: gains[i]! })),
    );
    expect(trust.of(films, books, false)).toBe(true);
  });

  it('until it surely does harm, to the users to whom it does, and again when it helps', () => {
    const { model, films, books } = worldOf();
    const trust = new Trust(model, 2);
    const probes = (n: number, gain: number) =>
      many(n, () => ({ source: films, target: books, newcomer: true, gain }));
    learn(model, probes(20, -0.1));
    expect(trust.of(films, books, true)).toBe(false);
    expect(trust.standardErrors(films, books, true)).toBeCloseTo(-Math.sqrt(20), 1);
    expect(trust.standardErrors(films, books, false)).toBe(0);
    expect(trust.of(films, books, false)).toBe(true);
    expect(trust.of(books, films, true)).toBe(true);
    expect(trust.of(books, books, true)).toBe(true);
    expect(new Trust(model, 0).of(films, books, true)).toBe(true);
    learn(model, probes(20, 0.1));
    expect(trust.of(films, books, true)).toBe(true);
  });

  it('surely where single gains would not change it, on either side', () => {
    const { model, films, books } = worldOf();
    const trust = new Trust(model, 2);
    const probes = (n: number, newcomer: boolean, gain: number) =>
      many(n, () => ({ source: films, target: books, newcomer, gain }));
    expect(trust.isSure(films, books, false)).toBe(false);
    // The root of how many there are is how many standard errors that is: six are wanted.
    learn(model, [...probes(30, true, -0.1), ...probes(30, false, 0.1)]);
    expect([true, false].map((newcomer) => trust.isSure(films, books, newcomer))).toEqual([
      false,
      false,
    ]);
    learn(model, [...probes(15, true, -0.1), ...probes(15, false, 0.1)]);
    expect([true, false].map((newcomer) => trust.isSure(films, books, newcomer))).toEqual([
      true,
      true,
    ]);
    expect([true, false].map((newcomer) => trust.of(films, books, newcomer))).toEqual([
      false,
      true,
    ]);
  });

  it('leaves the others of a history as they are', () => {
    const { model, films, books } = worldOf();
    const games = model.domainIndex('games');
    const trust = new Trust(model, 2);
    const histories = [films, books, games].map((domain) => ({ domain }));
    expect(trust.among(histories, books)).toBe(histories);
    learn(
      model,
      many(20, () => ({ source: films, target: books, newcomer: false, gain: -0.1 })),
    );
    expect(trust.among(histories, books)).toEqual([{ domain: books }, { domain: games }]);
    // Who is new there is another matter.
    const travels = [films, games].map((domain) => ({ domain }));
    expect(trust.among(travels, books)).toBe(travels);
  });

  it('by what is in the model alone: taking the delta away takes the verdict away', () => {
    const { model, films, books } = worldOf();
    const trust = new Trust(model, 2);
    const before = model.digest();
    const blocks = weighProbes(
      model,
      many(20, () => ({ source: films, target: books, newcomer: true, gain: -0.1 })),
    );
    const delta = { ...emptyDelta(), blocks };
    model.apply(delta);
    expect(trust.of(films, books, true)).toBe(false);
    model.revert(delta);
    expect(trust.of(films, books, true)).toBe(true);
    expect(model.digest()).toBe(before);
  });
});
