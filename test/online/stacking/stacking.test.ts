import { describe, expect, it } from 'vitest';
import { Blend } from '../../../src/online/blend/blend.js';
import { contentDelta } from '../../../src/online/content/delta.js';
import { describeItems } from '../../../src/online/content/describe.js';
import { ContentEncoder } from '../../../src/online/content/encoder.js';
import { emptyDelta } from '../../../src/online/empty-delta.js';
import { Learner } from '../../../src/online/learner.js';
import { MiniBatch } from '../../../src/online/minibatch.js';
import { Model } from '../../../src/online/model.js';
import { Random } from '../../../src/online/random.js';
import { choice } from '../../../src/online/stacking/choice.js';
import { leaningOf } from '../../../src/online/stacking/leaning.js';
import type { TimedHistory } from '../../../src/online/stacking/newest.js';
import { likenessKey, stackKey } from '../../../src/online/stacking/stack.js';
import { plainTower } from '../../../src/online/tower/plain.js';
import { User } from '../../../src/online/user.js';
import { fc } from '../../support/properties.js';

/** Films 0 to n - 1 with so many events each. */
function worldOf(counts: readonly number[]): Model {
  const model = new Model({ seed: 1, dimension: 4, initialScale: 0 });
  add(model, counts, 'films');
  return model;
}

function add(model: Model, counts: readonly number[], domain: string): void {
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

function history(model: Model, domain: string, items: readonly number[], from = 0): TimedHistory {
  const rows = items.map((item) => model.find(domain, `${item}`));
  const times = rows.map((_, i) => from + i);
  return { domain: model.findDomain(domain), rows, weights: rows.map(() => 1), times };
}

describe('how surprising a choice is', () => {
  it('changes by the slope where each scores by a little of a feature more', () => {
    const some = fc.double({ min: -5, max: 5, noNaN: true });
    const values = fc.array(fc.tuple(some, some), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(values, (pairs) => {
        const features = pairs.map(([, feature]) => feature);
        const loss = (w: number): number =>
          choice(
            pairs.map(([score, feature]) => score + w * feature),
            features,
          ).loss;
        const { slope } = choice(
          pairs.map(([score]) => score),
          features,
        );
        expect((loss(1e-5) - loss(-1e-5)) / 2e-5).toBeCloseTo(slope, 5);
      }),
    );
  });

  it('is nothing where there is nothing else', () => {
    expect(choice([3, Number.NEGATIVE_INFINITY], [1, 7])).toEqual({ loss: 0, slope: 0 });
  });
});

describe('the leaning of a user', () => {
  it('is that of the newest five liked items, wherever they are, against the mean event of their domain', () => {
    const model = worldOf([1, 3]);
    add(model, [7, 7], 'books');
    // Σ c² / N: 10 / 4 of films, 7 of books.
    const films = history(model, 'films', [1, 1, 0]);
    const books = history(model, 'books', [0, 1, 0], 10);
    const rare = Math.log(2) - Math.log(3.5);
    const popular = Math.log(4) - Math.log(3.5);
    expect(leaningOf(model, [films])).toBeCloseTo((2 * popular + rare) / 3);
    expect(leaningOf(model, [films, books])).toBeCloseTo((rare + popular) / 5);
    expect(leaningOf(model, [books, films])).toBeCloseTo((rare + popular) / 5);
    expect(leaningOf(model, [books])).toBe(0);
    expect(leaningOf(model, [{ ...films, weights: [0, 0, 1] }])).toBeCloseTo(rare);
    expect(leaningOf(model, [{ ...films, weights: [0, 0, 0] }])).toBe(0);
    expect(leaningOf(model, [])).toBe(0);
  });

  it('goes back with the counts when a delta is taken away', () => {
    const model = worldOf([1, 3]);
    const before = model.meanCountOf(model.findDomain('films'));
    const delta = {
      ...emptyDelta(),
      items: {
        keys: ['films/0', 'films/2'],
        counts: Int32Array.of(4, 2),
        values: new Int32Array(10),
        accumulators: new Float64Array(4),
      },
    };
    model.apply(delta);
    expect(model.meanCountOf(model.findDomain('films'))).toBeCloseTo((25 + 9 + 4) / 10);
    model.revert(delta);
    expect(model.meanCountOf(model.findDomain('films'))).toBe(before);
  });
});

/** Half of the films are popular; half of the users like those, the others the rest. */
function learnTastes(stackLearningRate: number): { model: Model; learner: Learner; users: User[] } {
  const films = 200;
  const counts = Array.from({ length: films }, (_, i) => (i < films / 2 ? 40 : 2));
  const model = worldOf(counts);
  const rate = { learningRate: 0, biasLearningRate: 0, neighbours: 0, driftBoost: 0 };
  const learner = new Learner(model, plainTower(), { dimension: 4, ...rate, stackLearningRate });
  const users = Array.from({ length: 2 }, (_, i) => new User(`u${i}`));
  const batch = new MiniBatch(model);
  for (let step = 0; step < 60; step++) {
    batch.clear();
    for (let i = 0; i < 128; i++) {
      const taste = i % 2;
      const user = users[taste]!;
      const row = model.find('films', `${((step * 64 + (i >> 1)) % 100) + 100 * taste}`);
      batch.add(user, row, 1, step);
      user.push(row, model.domainOf(row), 1, step);
    }
    // The counts stay as they are, so that tastes do.
    const { blocks } = learner.learn(batch, ['t', 0, step]).delta;
    model.apply({ ...emptyDelta(), blocks });
  }
  return { model, learner, users };
}

describe('the weight of popularity', () => {
  it('is what is set while nothing is known', () => {
    const model = worldOf([1, 3]);
    const blend = new Blend(model);
    const films = history(model, 'films', [0]);
    expect(blend.weightsFor(1, films.domain, [films])).toBe(blend.known);
    expect(blend.weightsFor(0, films.domain, [films])).toBe(blend.newcomers);
  });

  it('is learned to be more for users who like what is popular, and less for the others', () => {
    const { model, learner, users } = learnTastes(0.1);
    const films = model.findDomain('films');
    const blend = new Blend(model, learner.options);
    const [popular, rare] = users.map(
      (user) => blend.weightsFor(1, films, user.histories).popularity,
    );
    expect(popular).toBeGreaterThan(blend.known.popularity);
    expect(rare).toBeLessThan(blend.known.popularity);
    expect(rare).toBeGreaterThanOrEqual(0);
    // Of those who are new there nothing is known.
    expect(blend.weightsFor(0, films, users[0]!.histories)).toBe(blend.newcomers);
  });

  it('is not learned where the step size is 0', () => {
    const { model } = learnTastes(0);
    expect(model.blocks().some(([key]) => key.startsWith('stack/'))).toBe(false);
  });

  it('stays between nothing and four, however strong a leaning is', () => {
    const model = worldOf([1, 1000]);
    const films = model.findDomain('films');
    const values = Int32Array.of(0, 8 << 20);
    const accumulators = new Float64Array(2);
    const blocks = [{ key: stackKey(model, films), values, accumulators }];
    model.apply({ ...emptyDelta(), blocks });
    const blend = new Blend(model);
    const weightFor = (item: number): number =>
      blend.weightsFor(1, films, [history(model, 'films', [item])]).popularity;
    expect(weightFor(0)).toBe(0);
    const probed = (leaning: number) => blend.stack.probedWeights(blend.known, films, leaning);
    expect(probed(-2).popularity).toBe(0);
    expect(probed(2).popularity).toBe(4);
  });
});

/** Films of two categories that say nothing of popularity; users like those of one each. */
function learnLabels(stackLearningRate: number): { model: Model; blend: Blend; films: number } {
  const model = worldOf(Array.from({ length: 200 }, () => 5));
  const encoder = new ContentEncoder(1, 4);
  const said = (i: number) =>
    encoder.encode({
      title: `film ${i >> 2}`,
      categories: [i % 2 === 0 ? 'even' : 'odd'],
      tags: [],
      text: null,
      vectors: {},
    });
  const items = new Map(Array.from({ length: 200 }, (_, i) => [`films/${i}`, said(i)]));
  model.apply(contentDelta(describeItems(model, items)));
  const still = { learningRate: 0, biasLearningRate: 0, neighbours: 0, driftBoost: 0 };
  const options = { dimension: 4, ...still, contentLearningRate: 0, stackLearningRate };
  const learner = new Learner(model, plainTower(), options);
  const users = [new User('even'), new User('odd')];
  const batch = new MiniBatch(model);
  const random = Random.of('films');
  for (let step = 0; step < 60; step++) {
    batch.clear();
    for (let i = 0; i < 128; i++) {
      const user = users[i % 2]!;
      const row = model.find('films', `${2 * random.below(100) + (i % 2)}`);
      batch.add(user, row, 1, step);
      user.push(row, model.domainOf(row), 1, step);
    }
    const { blocks } = learner.learn(batch, ['t', 0, step]).delta;
    model.apply({ ...emptyDelta(), blocks });
  }
  return { model, blend: new Blend(model, learner.options), films: model.findDomain('films') };
}

describe('the weights of likeness', () => {
  it('are learned to be more for what tells what users like, and less for the rest', () => {
    const { blend, films } = learnLabels(0.2);
    const weights = blend.weightsFor(1, films, []);
    expect(weights.categories).toBeGreaterThan(blend.known.categories + 0.5);
    expect(weights.words).toBeLessThan(blend.known.words - 0.5);
    const { categories, words } = blend.stack.likenessWeights(films);
    expect(weights.categories).toBeCloseTo(blend.known.categories + categories);
    expect(weights.words).toBeCloseTo(blend.known.words + words);
    // Of those who are new there nothing is known.
    expect(blend.weightsFor(0, films, [])).toBe(blend.newcomers);
  });

  it('are what is set where the step size is 0, and not below nothing or above 64', () => {
    const { model, blend, films } = learnLabels(0);
    expect(blend.weightsFor(1, films, [])).toBe(blend.known);
    const values = Int32Array.of(-(16 << 20), 127 << 20);
    const key = likenessKey(model, films);
    model.apply({ ...emptyDelta(), blocks: [{ key, values, accumulators: new Float64Array(2) }] });
    expect(blend.weightsFor(1, films, [])).toMatchObject({ categories: 0, words: 64 });
  });
});
