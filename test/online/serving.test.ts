import { describe, expect, it } from 'vitest';
import { Blend } from '../../src/online/blend/blend.js';
import { contentDelta } from '../../src/online/content/delta.js';
import { contentSize } from '../../src/online/content/encoder.js';
import { Likeness } from '../../src/online/content/likeness.js';
import { MOST_OF_A_KIND, PLACES } from '../../src/online/content/sparse.js';
import { emptyDelta } from '../../src/online/empty-delta.js';
import { meanEncoder } from '../../src/online/encoders/mean.js';
import { simdMemory } from '../../src/online/kernels/memory.js';
import { Model } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import { excludedRows } from '../../src/online/serving/exclusion.js';
import { likedOf, QueryBatch } from '../../src/online/serving/queries.js';
import { Recommender } from '../../src/online/serving/recommender.js';
import { TopN } from '../../src/online/serving/top-n.js';
import { leaningOf } from '../../src/online/stacking/leaning.js';
import { plainTower } from '../../src/online/tower/plain.js';
import type { Recommendation } from '../../src/online/types.js';
import { User } from '../../src/online/user.js';
import { fc } from '../support/properties.js';
import { coarseWorld, type World } from './serving-fixtures.js';

const tower = plainTower();

/** Small powers of two: products with eighths stay exact, and ties ties. */
const BLEND = {
  blendPopularity: 1,
  blendBias: 0.5,
  blendDeep: 0.5,
  blendDeepNew: 0.25,
  blendSaturationNew: 0.5,
  blendLift: 2,
  blendLiftNew: 1,
  blendWalk: 0.5,
  blendWalkNew: 0.75,
  blendCosineNew: 1.5,
  blendDiscountNew: 1.25,
  blendCategories: 2,
  blendCategoriesNew: 1,
  blendWords: 4,
  blendWordsNew: 3,
  liftItems: 3,
  walkItems: 2,
  newcomerItems: 4,
  newcomerBridges: 5,
  walkBridges: 3,
  // No sum of halves to sevenths: on the edge, the order of adding would decide.
  walkBelow: 2.001,
  thirdStepBelow: 20.001,
};

/** What a walk adds to an item's score, from its definition. */
function naiveWalk(model: Model, user: User, domain: number): (row: number) => number {
  const { neighbours } = model;
  const n = (row: number): number => Math.max(1, model.items.counts[row]!);
  const all = Array.from({ length: model.items.size }, (_, row) => row);
  const there = all.filter((row) => model.domainOf(row) === domain);
  const newcomer = !user.histories.some(
    (history) => history.domain === domain && history.weights.some((weight) => weight > 0),
  );
  const liftItems = newcomer ? BLEND.newcomerItems : BLEND.liftItems;
  const walkItems = newcomer ? BLEND.newcomerItems : BLEND.walkItems;
  const one = new Float64Array(all.length);
  const cosine = new Float64Array(all.length);
  const start = new Float64Array(all.length);
  for (const { rows, weights, domain: own } of user.histories) {
    const liked = [...rows].filter((_, i) => weights[i]! > 0);
    // Oldest first, and times 1/n, as the walk adds: equal bridges are to be equal to the last bit.
    for (const [i, row] of liked.entries()) {
      const age = liked.length - 1 - i;
      if (age >= liftItems) continue;
      for (const j of there) {
        const count = Math.max(0, neighbours.get(row, j, domain));
        one[j]! += count * (1 / n(row));
        cosine[j]! += count * (1 / Math.sqrt(n(row)));
      }
      if (age >= walkItems) continue;
      for (const k of all) {
        if (![domain, own].includes(model.domainOf(k))) continue;
        start[k]! += Math.max(0, neighbours.get(row, k, model.domainOf(k))) * (1 / n(row));
      }
    }
  }
  const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
  const leadOver = (mass: Float64Array): Float64Array => {
    const bridges = all
      .filter((k) => mass[k]! > 0)
      .sort((a, b) => mass[b]! - mass[a]! || neighbours.hash(a) - neighbours.hash(b))
      .slice(0, newcomer ? BLEND.newcomerBridges : BLEND.walkBridges);
    const found = new Float64Array(all.length);
    for (const k of bridges) {
      for (const j of there) {
        const count = Math.max(0, neighbours.get(k, j, domain));
        found[j]! += Math.round(count * (mass[k]! / n(k)) * 2 ** 30) / 2 ** 30;
      }
    }
    return found;
  };
  const none = new Float64Array(all.length);
  const two = newcomer || sum(one) < BLEND.walkBelow ? leadOver(start) : none;
  const both = one.map((mass, row) => mass + two[row]!);
  const three = newcomer && sum(both) < BLEND.thirdStepBelow ? leadOver(both) : none;
  const walked = both.map((mass, row) => mass + three[row]!);
  const items = model.rowsOf(domain).length;
  return (row) => {
    const lift = Math.log1p((items / 100 / (5 + sum(one))) * one[row]!);
    const walk = Math.log1p((items / 10 / (5 + sum(walked))) * walked[row]!);
    if (!newcomer) return BLEND.blendLift * lift + BLEND.blendWalk * walk;
    const logCosine = Math.log1p(3 * (cosine[row]! / Math.sqrt(n(row))));
    const alike = (logCosine * logCosine) / (1 + logCosine);
    const added =
      BLEND.blendLiftNew * lift + BLEND.blendWalkNew * walk + BLEND.blendCosineNew * alike;
    return Math.max(0, added - BLEND.blendDiscountNew * Math.log1p((items / 2000) * one[row]!));
  };
}

/** Says of most items what labels and words they have, of few different ones. */
function describeAll({ model }: World, seed: number): void {
  const random = Random.of('features', seed);
  const keys = Array.from({ length: model.items.size }, (_, row) => model.key(row));
  const features = new Uint16Array(keys.length * PLACES);
  for (let i = 0; i < keys.length; i++) {
    for (const kind of [0, MOST_OF_A_KIND]) {
      const codes = Array.from({ length: random.below(4) }, () => 1 + random.below(9));
      features.set([...new Set(codes)], i * PLACES + kind);
    }
  }
  const values = new Int32Array(keys.length * contentSize(model.dimension));
  const categories = new Int32Array(keys.length);
  model.apply(contentDelta({ keys, values, categories, features }));
}

/** What likeness adds to the score of a row. */
function likenessOf(model: Model, user: User, isNew: boolean): (row: number) => number {
  const weights = {
    categories: isNew ? BLEND.blendCategoriesNew : BLEND.blendCategories,
    words: isNew ? BLEND.blendWordsNew : BLEND.blendWords,
  };
  const likeness = new Likeness(model);
  likeness.run(likedOf(user));
  return (row) => {
    const added = new Float64Array(1);
    if (likeness.isOn) likeness.addTo(added, [row], 1, model.domainOf(row), weights);
    return added[0]!;
  };
}

/** What scores differ by from the blend as it is set. */
interface Changes {
  /** What a ring scores more; none: it is left out. */
  readonly repeats?: number;
  /** What popularity weighs. */
  readonly popularity?: (user: User) => number;
}

/** The definition, word for word: score every item of the domain, sort, cut. */
function naive(
  { model }: World,
  user: User,
  name: string,
  n: number,
  { repeats, popularity = () => 1 }: Changes = {},
): Recommendation['items'] {
  const domain = model.findDomain(name);
  const batch = new QueryBatch(model, meanEncoder, true);
  batch.addTarget(batch.addUser(user), domain);
  const { query } = batch.run(tower);
  const excluded = excludedRows(model, user, domain, repeats === undefined ? 'domain' : 'none');
  const { rows, length } = model.rowsOf(domain);
  const { embeddings, biases, counts } = model.items;
  const total = model.eventsOf(domain) + length;
  const wide = naiveWalk(model, user, domain);
  const isNew = (user.history(domain)?.count ?? 0) === 0;
  const likeness = likenessOf(model, user, isNew);
  const deep = isNew ? BLEND.blendDeepNew : BLEND.blendDeep;
  const scored: { place: number; logit: number; itemId: string }[] = [];
  for (let place = 0; place < length; place++) {
    const row = rows[place]!;
    if (excluded.has(row)) continue;
    const log = Math.log1p(counts[row]!);
    let logit = Math.fround(likeness(row) + Math.fround(BLEND.blendBias * biases[row]! + log));
    logit += (popularity(user) - 1) * Math.fround(log);
    let dot = 0;
    for (let k = 0; k < model.dimension; k++) {
      dot += embeddings[row * model.dimension + k]! * query[k]!;
    }
    logit += (deep * dot) / (1 + (isNew ? BLEND.blendSaturationNew : 0) * Math.abs(dot));
    logit += wide(row);
    if (user.history(domain)?.rows.includes(row)) logit += repeats!;
    scored.push({ place, logit, itemId: model.itemId(row) });
  }
  scored.sort((a, b) => b.logit - a.logit || a.place - b.place);
  return scored
    .slice(0, n)
    .map(({ itemId, logit }) => ({ itemId, score: 1 / (1 + Math.exp(Math.log(total) - logit)) }));
}

function likes(user: User): boolean {
  return user.histories.some((history) => history.weights.some((weight) => weight > 0));
}

describe('lists', () => {
  it('are those of the naive scorer, ties included', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 10, 500), (seed, n) => {
        const world = coarseWorld(seed);
        const recommender = new Recommender(world.model, tower, { blend: BLEND });
        const requests = world.users.flatMap((user) =>
          ['domain-0', 'domain-1', 'domain-2'].map((domain) => ({ user, domain, n })),
        );
        const lists = recommender.recommend(requests);
        for (const [i, { user, domain }] of requests.entries()) {
          if (!likes(user)) continue;
          const expected = naive(world, user, domain, n);
          const list = lists[i]!;
          expect(list.userId).toBe(user.id);
          expect(list.domain).toBe(domain);
          expect(list.items.map((item) => item.itemId)).toEqual(
            expected.map((item) => item.itemId),
          );
          for (const [k, item] of list.items.entries()) {
            expect(item.score).toBeCloseTo(expected[k]!.score, 5);
          }
        }
      }),
      { numRuns: 12, examples: [[1892615109, 10]] },
    );
  });

  it('are those of the naive scorer to the precision of float32 where kernels score', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 10, 500), (seed, n) => {
        const world = coarseWorld(seed, { memory: simdMemory(8) ?? undefined });
        const recommender = new Recommender(world.model, tower, { blend: BLEND });
        for (const user of world.users.filter(likes)) {
          for (const domain of ['domain-0', 'domain-1', 'domain-2']) {
            const [list] = recommender.recommend([{ user, domain, n }]);
            const all = naive(world, user, domain, Number.POSITIVE_INFINITY);
            const scores = new Map(all.map(({ itemId, score }) => [itemId, score]));
            expect(list!.items.length).toBe(Math.min(n, all.length));
            // Of ties but for rounding either may go first.
            for (const [k, { itemId }] of list!.items.entries()) {
              expect(scores.get(itemId)).toBeCloseTo(all[k]!.score, 7);
            }
          }
        }
      }),
      { numRuns: 12 },
    );
  });

  it('are those of the naive scorer where a ring may be in them, for what it scores less', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 10, 500), (seed, n) => {
        const world = coarseWorld(seed);
        const repeats = -Math.log(8);
        // One repeat; fifteen by chance.
        const record = { values: new Int32Array(2), accumulators: Float64Array.of(1, 15 << 20) };
        world.model.apply({
          ...emptyDelta(),
          blocks: ['domain-0', 'domain-1'].map((name) => ({ key: `repeat/${name}`, ...record })),
        });
        const recommender = new Recommender(world.model, tower, { blend: BLEND, exclude: 'none' });
        for (const user of world.users.filter(likes)) {
          for (const [domain, less] of [
            ['domain-0', repeats],
            ['domain-1', repeats],
            ['domain-2', 0],
          ] as const) {
            const [list] = recommender.recommend([{ user, domain, n }]);
            const expected = naive(world, user, domain, n, { repeats: less });
            expect(list!.items.map(({ itemId }) => itemId)).toEqual(
              expected.map(({ itemId }) => itemId),
            );
          }
        }
      }),
      { numRuns: 12 },
    );
  });

  it('are those of the naive scorer where popularity weighs more or less by what users like', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 10, 500), (seed, n) => {
        const world = coarseWorld(seed);
        const { model } = world;
        const domain = model.findDomain('domain-0');
        const values = Int32Array.of(0, 1 << 19);
        model.apply({
          ...emptyDelta(),
          blocks: [{ key: 'stack/domain-0', values, accumulators: new Float64Array(2) }],
        });
        const popularity = (user: User): number => {
          if ((user.history(domain)?.count ?? 0) === 0) return 1;
          return Math.min(4, Math.max(0, 1 + 0.5 * leaningOf(model, likedOf(user))));
        };
        const requests = world.users.filter(likes).map((user) => ({ user, domain: 'domain-0', n }));
        const lists = new Recommender(model, tower, { blend: BLEND }).recommend(requests);
        for (const [i, { user }] of requests.entries()) {
          const expected = naive(world, user, 'domain-0', n, { popularity });
          expect(lists[i]!.items.map(({ itemId }) => itemId)).toEqual(
            expected.map(({ itemId }) => itemId),
          );
        }
        expect(new Set(requests.map(({ user }) => popularity(user))).size).toBeGreaterThan(2);
      }),
      { numRuns: 12 },
    );
  });

  it('are those of the naive scorer where weights are learned by bucket and by pair', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 10, 500), (seed, n) => {
        const world = coarseWorld(seed);
        const { model } = world;
        const domain = model.findDomain('domain-0');
        const { deviations } = new Blend(model, BLEND);
        const events = (user: User): number => user.history(domain)?.count ?? 0;
        for (const user of world.users.filter(likes)) {
          const set = deviations.setFor(events(user), domain, likedOf(user))!;
          const values = new Int32Array(model.block(set.key).length);
          // Popularity is the second of a set's parts.
          values[set.at + 1] = 1 << 17;
          const accumulators = new Float64Array(model.blockOf(set.key).accumulators.length);
          model.apply({ ...emptyDelta(), blocks: [{ key: set.key, values, accumulators }] });
        }
        const popularity = (user: User): number => {
          const set = deviations.setFor(events(user), domain, likedOf(user))!;
          return Math.exp(Math.min(1, model.block(set.key)[set.at + 1]!));
        };
        const requests = world.users.filter(likes).map((user) => ({ user, domain: 'domain-0', n }));
        const lists = new Recommender(model, tower, { blend: BLEND }).recommend(requests);
        for (const [i, { user }] of requests.entries()) {
          const expected = naive(world, user, 'domain-0', n, { popularity });
          expect(lists[i]!.items.map(({ itemId }) => itemId)).toEqual(
            expected.map(({ itemId }) => itemId),
          );
        }
        expect(requests.every(({ user }) => popularity(user) > 1)).toBe(true);
      }),
      { numRuns: 12 },
    );
  });

  it('are those of the naive scorer where the catalogue tells what is alike, with a ring in them too', () => {
    const cases = fc.tuple(fc.nat(), fc.constantFrom(1, 10, 500), fc.boolean());
    fc.assert(
      fc.property(cases, ([seed, n, repeated]) => {
        const world = coarseWorld(seed);
        describeAll(world, seed);
        const record = { values: new Int32Array(2), accumulators: Float64Array.of(1, 15 << 20) };
        const blocks = [{ key: 'repeat/domain-0', ...record }];
        if (repeated) world.model.apply({ ...emptyDelta(), blocks });
        const exclude = repeated ? 'none' : 'domain';
        const recommender = new Recommender(world.model, tower, { blend: BLEND, exclude });
        const requests = world.users.filter(likes).map((user) => ({ user, domain: 'domain-0', n }));
        const lists = recommender.recommend(requests);
        for (const [i, { user }] of requests.entries()) {
          const changes = repeated ? { repeats: -Math.log(8) } : {};
          const expected = naive(world, user, 'domain-0', n, changes);
          expect(lists[i]!.items.map(({ itemId }) => itemId)).toEqual(
            expected.map(({ itemId }) => itemId),
          );
        }
      }),
      { numRuns: 16 },
    );
  });

  it('are those of the naive scorer by kernels, too, where the catalogue tells what is alike', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 10, 500), (seed, n) => {
        const world = coarseWorld(seed, { memory: simdMemory(8) ?? undefined });
        describeAll(world, seed);
        const recommender = new Recommender(world.model, tower, { blend: BLEND });
        const plain = new Recommender(world.model, tower, {
          blend: { ...BLEND, blendCategories: 0, blendWords: 0 },
        });
        let moved = 0;
        for (const user of world.users.filter(likes)) {
          for (const domain of ['domain-0', 'domain-1', 'domain-2']) {
            const [list] = recommender.recommend([{ user, domain, n }]);
            const [without] = plain.recommend([{ user, domain, n }]);
            if (list!.items[0]?.itemId !== without!.items[0]?.itemId) moved++;
            const all = naive(world, user, domain, Number.POSITIVE_INFINITY);
            const scores = new Map(all.map(({ itemId, score }) => [itemId, score]));
            expect(list!.items.length).toBe(Math.min(n, all.length));
            for (const [k, { itemId }] of list!.items.entries()) {
              expect(scores.get(itemId)).toBeCloseTo(all[k]!.score, 6);
            }
          }
        }
        expect(moved).toBeGreaterThan(0);
      }),
      { numRuns: 8 },
    );
  });

  it('are the same asked one by one and all at once', () => {
    const { model, users } = coarseWorld(5);
    const recommender = new Recommender(model, tower);
    const requests = users.map((user) => ({ user, domain: 'domain-1', n: 7 }));
    const together = recommender.recommend(requests);
    expect(requests.flatMap((request) => recommender.recommend([request]))).toEqual(together);
  });

  it('follow the model from delta to delta', () => {
    const { model, users } = coarseWorld(6);
    const user = users.find(likes)!;
    const recommender = new Recommender(model, tower, { blend: { blendBias: 4 } });
    const ask = () => recommender.recommend([{ user, domain: 'domain-0', n: 1 }])[0]!.items[0]!;
    const before = ask();
    const delta = {
      events: 1,
      items: {
        keys: ['domain-0/new'],
        counts: Int32Array.of(1),
        values: Int32Array.from({ length: model.dimension + 1 }, (_, k) =>
          k === model.dimension ? 7 << 20 : 0,
        ),
        accumulators: new Float64Array(2),
      },
      blocks: [],
    };
    model.apply(delta);
    expect(ask().itemId).toBe('new');
    model.revert(delta);
    expect(ask()).toEqual(before);
  });

  it('say where interest came from, largest share first, shares summing to 1', () => {
    const { model, users } = coarseWorld(7);
    const recommender = new Recommender(model, tower);
    for (const { transfer } of recommender.recommend(
      users.filter(likes).map((user) => ({ user, domain: 'domain-2', n: 1 })),
    )) {
      const weights = transfer.map((slot) => slot.weight);
      expect(weights).toEqual(weights.slice().sort((a, b) => b - a));
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
    }
  });
});

describe('no list holds', () => {
  const { model, users } = coarseWorld(8, { items: 60 });
  const all = users.flatMap((user) =>
    ['domain-0', 'domain-1', 'domain-2'].map((domain) => ({ user, domain, n: 100 })),
  );

  it('an item without events', () => {
    const lists = new Recommender(model, tower, { exclude: 'none' }).recommend(all);
    for (const { domain, items } of lists) {
      expect(items.length).toBe(model.rowsOf(model.findDomain(domain)).length);
      for (const { itemId } of items) {
        expect(model.items.counts[model.find(domain, itemId)]).toBeGreaterThan(0);
      }
    }
  });

  it('what the user has in the ring of the domain', () => {
    const lists = new Recommender(model, tower).recommend(all);
    for (const [i, { domain, items }] of lists.entries()) {
      const touched = new Set(all[i]!.user.history(model.findDomain(domain))?.rows);
      for (const { itemId } of items) expect(touched.has(model.find(domain, itemId))).toBe(false);
    }
  });

  it('what the user touched by the same id in any domain, if asked for', () => {
    const lists = new Recommender(model, tower, { exclude: 'any-domain' }).recommend(all);
    for (const [i, { items }] of lists.entries()) {
      const touched = new Set(
        all[i]!.user.histories.flatMap(({ rows }) => rows.map((row) => model.itemId(row))),
      );
      for (const { itemId } of items) expect(touched.has(itemId)).toBe(false);
    }
  });
});

describe('users of whom nothing is known', () => {
  it('get the most popular items, the older first among equals', () => {
    const { model } = coarseWorld(9);
    const list = new Recommender(model, tower).recommend([
      { user: null, userId: 'stranger', domain: 'domain-0', n: 20 },
    ])[0]!;
    const { rows, length } = model.rowsOf(model.findDomain('domain-0'));
    const { counts } = model.items;
    const expected = Array.from(rows.subarray(0, length), (row, place) => ({ row, place }))
      .sort((a, b) => counts[b.row]! - counts[a.row]! || a.place - b.place)
      .slice(0, 20);
    expect(list.userId).toBe('stranger');
    expect(list.transfer).toEqual([]);
    expect(list.items.map(({ itemId }) => itemId)).toEqual(
      expected.map(({ row }) => model.itemId(row)),
    );
  });

  it('get them without what they touched and did not like', () => {
    const { model } = coarseWorld(9);
    const recommender = new Recommender(model, tower);
    const first = recommender.recommend([{ user: null, domain: 'domain-0', n: 2 }])[0]!.items;
    const user = new User('picky');
    const row = model.find('domain-0', first[0]!.itemId);
    user.push(row, model.findDomain('domain-0'), 0, 1);
    expect(recommender.recommend([{ user, domain: 'domain-0', n: 1 }])[0]!.items).toEqual([
      first[1],
    ]);
  });

  it('get nothing in a domain that is not known or has no events', () => {
    const model = new Model({ seed: 1, dimension: 4, initialScale: 0.02 });
    model.intern('films', 'touched');
    const lists = new Recommender(model, tower).recommend([
      { user: null, domain: 'films', n: 3 },
      { user: null, domain: 'books', n: 3 },
    ]);
    expect(lists.map(({ items }) => items)).toEqual([[], []]);
    expect(model.findDomain('books')).toBe(-1);
  });
});

describe('the n best of a stream', () => {
  it('are those of a stable sort', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 })), fc.nat({ max: 12 }), (scores, n) => {
        const best = new TopN(n);
        for (const [index, score] of scores.entries()) best.push(index, score);
        const sorted = scores
          .map((score, index) => ({ index, score }))
          .sort((a, b) => b.score - a.score || a.index - b.index);
        expect(best.drain()).toEqual(sorted.slice(0, n));
        expect(best.drain()).toEqual([]);
      }),
    );
  });

  it('leave out NaN', () => {
    const best = new TopN(2);
    best.push(0, Number.NaN);
    best.push(1, 1);
    expect(best.drain()).toEqual([{ index: 1, score: 1 }]);
  });
});
