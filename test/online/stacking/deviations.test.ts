import { describe, expect, it } from 'vitest';
import { Blend } from '../../../src/online/blend/blend.js';
import { emptyDelta } from '../../../src/online/empty-delta.js';
import { Learner } from '../../../src/online/learner.js';
import { MiniBatch } from '../../../src/online/minibatch.js';
import { Model } from '../../../src/online/model.js';
import { Random } from '../../../src/online/random.js';
import { choice } from '../../../src/online/stacking/choice.js';
import {
  DEVIATION_ROWS,
  Deviations,
  knownKey,
  newcomersKey,
} from '../../../src/online/stacking/deviations.js';
import type { TimedHistory } from '../../../src/online/stacking/newest.js';
import { plainTower } from '../../../src/online/tower/plain.js';
import { User } from '../../../src/online/user.js';

function worldOf(domains: Readonly<Record<string, readonly number[]>>): Model {
  const model = new Model({ seed: 1, dimension: 4, initialScale: 0 });
  for (const [domain, counts] of Object.entries(domains)) {
    model.apply({
      ...emptyDelta(),
      items: {
        keys: counts.map((_, i) => `${domain}/${i}`),
        counts: Int32Array.from(counts),
        values: new Int32Array(counts.length * 5),
        accumulators: new Float64Array(counts.length * 2),
      },
    });
  }
  return model;
}

function history(model: Model, domain: string, items: readonly number[]): TimedHistory {
  const rows = items.map((item) => model.find(domain, `${item}`));
  return {
    domain: model.findDomain(domain),
    rows,
    weights: rows.map(() => 1),
    times: rows.map((_, i) => i),
  };
}

/** Sets values of a block, in units of 2^-20. */
function put(model: Model, key: string, units: Readonly<Record<number, number>>): void {
  const { length } = model.block(key);
  const values = new Int32Array(length);
  for (const [at, unit] of Object.entries(units)) values[Number(at)] = unit;
  model.apply({
    ...emptyDelta(),
    blocks: [{ key, values, accumulators: new Float64Array(length) }],
  });
}

describe('a choice among a share of the others', () => {
  it('is as one among all of them, where each is there so many times', () => {
    const [scores, features] = [
      [1, 0.5, -2],
      [3, 1, 0.5],
    ];
    const all = choice([1, 0.5, 0.5, 0.5, -2, -2, -2], [3, 1, 1, 1, 0.5, 0.5, 0.5]);
    const some = choice(scores!, features!, 1 / 3);
    expect(some.loss).toBeCloseTo(all.loss, 12);
    expect(some.slope).toBeCloseTo(all.slope, 12);
  });
});

describe('the weights of a blend', () => {
  it('deviate by bucket and, for newcomers, by the domain they liked most in; zeros stay', () => {
    const model = worldOf({ films: [1, 3], books: [1, 1, 1] });
    const films = history(model, 'films', [0]);
    const books = history(model, 'books', [0, 1, 2]);
    const blend = new Blend(model);
    put(model, knownKey(model, films.domain), {
      2: 1 << 19,
      4: 1 << 19,
      [DEVIATION_ROWS]: 9 << 20,
    });
    put(model, newcomersKey(model, books.domain, films.domain), { 1: -(1 << 19) });
    const { known, newcomers } = blend;
    const weightsFor = (events: number) => blend.weightsFor(events, films.domain, [films, books]);
    expect(weightsFor(4)).toEqual({ ...known, lift: known.lift * Math.exp(0.5) });
    expect(weightsFor(5)).toEqual({ ...known, deep: known.deep * Math.E });
    expect(weightsFor(20)).toBe(known);
    const popularity = newcomers.popularity * Math.exp(-0.5);
    expect(blend.weightsFor(0, films.domain, [books])).toEqual({ ...newcomers, popularity });
    expect(blend.weightsFor(0, films.domain, [])).toBe(newcomers);
  });

  it('are not pushed over their bounds, and pulled back', () => {
    const model = worldOf({ films: [1] });
    const deviations = new Deviations(model);
    put(model, knownKey(model, 0), { 0: 1 << 20, 1: 1 << 19 });
    const set = deviations.setFor(1, 0, [])!;
    const gradient = new Float32Array(model.block(set.key).length);
    deviations.addTo(gradient, set, [-3, -3, 2, 0, 0, 0, 0, 0]);
    expect([...gradient.subarray(0, 4)]).toEqual([1, -2.5, 2, 0]);
  });
});

/** Counts say that films below 50 are liked most, but users like the others, and have liked a book before. */
function learn(stackLearningRate: number): { model: Model; blend: Blend } {
  const counts = Array.from({ length: 200 }, (_, i) => (i < 50 ? 400 : 2));
  const model = worldOf({ films: counts, books: counts.map(() => 5) });
  const rate = { learningRate: 0, biasLearningRate: 0, neighbours: 0, driftBoost: 0 };
  const learner = new Learner(model, plainTower(), { dimension: 4, ...rate, stackLearningRate });
  const random = Random.of('films');
  const batch = new MiniBatch(model);
  for (let step = 0; step < 60; step++) {
    batch.clear();
    const users = Array.from({ length: 128 }, (_, i) => new User(`u${i}`));
    for (const user of users) {
      const book = model.find('books', `${random.below(200)}`);
      user.push(book, model.domainOf(book), 1, step);
      for (let n = 0; n < 2; n++) {
        const row = model.find('films', `${50 + random.below(150)}`);
        batch.add(user, row, 1, step);
        user.push(row, model.domainOf(row), 1, step);
      }
    }
    const { blocks } = learner.learn(batch, ['t', 0, step]).delta;
    model.apply({ ...emptyDelta(), blocks });
  }
  return { model, blend: new Blend(model, learner.options) };
}

describe('what is learned of them', () => {
  it('is that popularity weighs less where counts mislead, of newcomers too, but less so', () => {
    const { model, blend } = learn(1);
    const films = model.findDomain('films');
    const factors = blend.deviations.factors(films);
    const of = (bucket: string) =>
      factors.find((one) => one.bucket === bucket && one.part === 'popularity')!.factor;
    expect(of('1-4')).toBeLessThan(0.9);
    expect(of('0')).toBeLessThan(1);
    expect(of('0')).toBeGreaterThan(of('1-4'));
    expect(of('20+')).toBe(1);
    const books = history(model, 'books', [0]);
    const { popularity } = blend.weightsFor(0, films, [books]);
    expect(popularity).toBeCloseTo(blend.newcomers.popularity * of('0'));
  });

  it('is nothing where the step size is 0', () => {
    const { model, blend } = learn(0);
    const factors = blend.deviations.factors(model.findDomain('films'));
    expect(factors.every(({ factor }) => factor === 1)).toBe(true);
  });
});
